// Package script has kernels' events handled by a Starlark program.
//
// A script is a file of functions named after events: on_bio, on_frame,
// on_clock and so on, for every name in package hypercall. A kernel pays for
// the events whose function a script has, and for no others.
//
//	def on_bio(ev):
//	    if ev.op == "write" and ev.offset >= 1 << 20:
//	        ev.fail("ENOSPC")
//
// What a function does not answer goes on to the host as it is. Everything at
// the top level runs once, when the script is loaded. What it defines lives as
// long as the script: lists and dicts may be changed by every event, and so
// may the attributes of state.
//
// # Events
//
// An event has the attributes name, kernel, seq (counts the events of a
// kernel), time (ns since the kernel was opened, by its clock) and pid, and the
// arguments and results that package hypercall lists for it, which can be set.
// A frame also has packet: its headers taken apart, with the attributes type
// ("ipv4", "ipv6", "arp" …), src, dst, proto ("tcp", "udp", "icmp" …), sport,
// dport, flags (such as "SA"), seq, ack, ttl and payload, each None where there is
// no such thing.
//
//	ev.next()               have it done now, with the arguments as they are;
//	                        returns the error's name, None where there is none
//	ev.fail("EIO")          refuse it with an error, or fail it after next
//	ev.answer(data=b"…")    answer it in the host's place
//	ev.drop()               do nothing, and say that it was done
//	ev.delay("20ms")        give the kernel the answer that much later; have a frame
//	                        go on that much later
//	ev.match(op="write", offset=(0, 4096))
//	                        whether all hold: a text is a pattern (* ? [a-z]), a
//	                        list means any of its elements; offset is a range
//	                        that a transfer touches; port is either port,
//	                        payload a part of a packet's payload, and every
//	                        attribute of packet may be asked for as well
//	ev.stop("why")          end the kernel: all calls on it fail from now on
//
// # Library
//
//	count(key)              how often it was called with this key, now included
//	counts                  these counters, by key
//	state                   an object to keep things in: state.armed = True
//	check(cond, "why")      fails the run where cond does not hold
//	random.chance(0.01)     true so often; seeded, as all of random
//	random.int(n)           from 0 to n-1
//	random.float()          from 0 to 1
//	random.bytes(n)
//	random.choice(list)
//	duration("20ms")        in ns; all functions take either
//	flip(data, i, mask=1)   data with bits of byte i turned over
//	KiB, MiB, GiB, us, ms, s
//	print(…)                to the log
//
// fail(…), division by zero and every other mistake end the kernel: its calls
// fail with an [*Error] that names file, line and event, and what is under way
// ends. So does a check that fails.
//
// # Bounds
//
// Functions may not recurse; an event may take [MaxSteps] steps, and all that a
// script holds [MaxMemory] bytes, as the script's own operations count them.
//
// Functions run one at a time. While next waits for the host, others run.
//
// What may be in this room: what Starlark sees of events. What may not: events
// of its own, and anything that knows a backend.
package script
