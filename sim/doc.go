// Package sim runs kernels, programs that use them and the network between them
// as one deterministic whole, a [World]: one seed, one run, bit for bit.
//
//	result := sim.Run(seed, sim.Options{}, func(w *sim.World) {
//		lab := w.Lab("client--server loss=2% delay=10ms; client: rump; server: rump")
//		w.Go("server", func() { serve(lab.Kernel("server")) })
//		w.Check(use(lab.Kernel("client")))
//	})
//
// # What is the same in every run
//
// For NetBSD's kernels (rump) everything is: which of a kernel's threads runs
// when, what it takes from its host, and so every frame and every answer. The
// trace of a run says so: a hash over all of it, which is the same for a seed
// in every run of the same program and the same libraries, on every machine of
// an architecture.
//
// gVisor's kernel (sentry) takes part with its time, its randomness and its
// frames, but the order of its own goroutines is Go's: runs of a seed are nearly
// always the same. See docs/simulation.md.
//
// Goroutines that the world started ([World.Go]) have turns as threads of
// kernels do. They wait for each other by the world's own means, such as
// [World.NewWait], or through kernels, and not by channels or locks that another
// goroutine holds while it waits. Files, sockets and connections of package sys
// know the world; deadlines are times of its clock, see [World.Now].
//
// What may be in this room: worlds of kernels by specification, and the search
// for failing and smaller runs. What may not: how turns are given, which is in
// hypercall/turns, and package testing.
package sim
