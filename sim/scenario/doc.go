// Package scenario has a Starlark program say what happens in a world of package
// sim.
//
// A scenario is a file with a function scenario(w), which is run for each seed.
// It has the functions of package hypercall/script as well, so that the same
// file may change what kernels are answered (on_bio, on_frame …).
//
//	def scenario(w):
//	    net = w.lab("client--server loss=5% delay=10ms")
//	    w.go(serve, net.node("server").listen("tcp", ":80"))
//	    c = net.node("client").dial("tcp", "server:80")
//	    c.write(b"hello")
//	    c.close_write()
//	    check(c.read_all() == b"hello", "the echo is another one")
//
//	def serve(l):
//	    c = l.accept()
//	    c.write(c.read_all())
//	    c.close()
//
// # World
//
//	w.seed                  what the world was made of
//	w.lab("a--b loss=1%")   kernels on a network, see package netlab; NetBSD's
//	                        where nothing is said, here or by the command;
//	                        "a: sentry" is gVisor's
//	w.kernel("a", "rump")   a kernel alone, by its specification
//	w.go(f, args…)          runs f beside; the result has wait(), which returns
//	                        what f returned
//	w.sleep("1h")           lets time pass
//	w.now()                 ns since the world began
//	w.fault("crash", 0.01)  whether something goes wrong, true so often; what did
//	                        is numbered, shown, and left out by shrinking
//	w.int("clients", 1, 9)  a number that the seed draws; shrinking lowers it
//	w.note("text")          adds it to the trace
//
// # Lab
//
//	net.node("a")           a kernel of the lab
//	net.link("a--b", "loss=50%"), net.link("a->b", "down")
//	                        changes a link, both ways or one
//
// # Kernel
//
//	k.name
//	k.listen("tcp", ":80")  a listener: accept(), close(), address
//	k.dial("tcp", "b:80")   a connection: read(n), read_all(), write(data),
//	                        close_write(), close(), timeout("1s"), local, remote;
//	                        read returns b"" at the end; read_all("1m") has a
//	                        time limit
//	k.packet("udp", ":53")  a socket: receive(n) returns (data, from), send(data,
//	                        to), timeout("1s"), close(), address
//	k.read(path), k.write(path, data), k.append(path, data), k.sync(path),
//	k.remove(path), k.rename(old, new), k.mkdir(path), k.list(path)
//	k.run("ls", "-l", "/")  runs an applet: (status, output). Those that serve or
//	                        fetch (httpd, fetch, nc) have goroutines of their own and
//	                        are refused
//	k.fork()                another process of the kernel, with the same methods
//	k.close()               ends the kernel: what is not written is lost
//
// What a kernel refuses ends the run, and its error names the line. attempt(f,
// args…) calls f and returns (result, error), where the error is None or has a
// name such as "ECONNREFUSED".
//
// random is seeded by the world.
//
// What may be in this room: what Starlark sees of a world. What may not: worlds
// of its own, and what is about events.
package scenario
