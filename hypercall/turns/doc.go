// Package turns is a [hypercall.Scheduler]: it runs kernels, the goroutines
// that use them, and events between them as one deterministic whole, a world.
//
// A world is made of one seed. Nothing in it runs beside anything else: one
// kernel's thread, one goroutine or one event has its turn, and the seed draws
// who is next from those that could be. Time is the world's own. It stands
// still while anybody has something to do, and jumps to the next deadline when
// all wait. So the same seed gives the same run, with the same [Result.Trace],
// and an hour in which nothing happens takes no time.
//
//	result := turns.Run(seed, turns.Options{}, func(s *turns.Scheduler) {
//		s.Go("client", client)
//		s.Sleep(time.Minute)
//	})
//
// A kernel takes part when the scheduler is its host's ([Scheduler.Host]).
// Package sim makes worlds of kernels by specification, and links.
//
// # Goroutines
//
// What runs in a world was started by [Scheduler.Go], or is the function given to
// Run. Such a goroutine has its turn until it waits: in a call of a kernel, in
// [Scheduler.Sleep], for a [Wait]. It must not wait for another goroutine of the
// world in any other way, such as a channel or a sync.WaitGroup, because then
// nobody ever gets the turn; and goroutines that it starts by the go statement
// may not use kernels.
//
// # Beside
//
// A kernel that has goroutines of its own runs beside the world
// ([Scheduler.Beside], [Scheduler.Later]). The world does one thing, and goes on
// when all of the process's goroutines wait again. That is as near to one run
// for a seed as it gets, and no promise of it.
//
// # Faults
//
// What goes wrong in a world goes through [Scheduler.Fault], which draws whether
// it does. Every fault that happened has a number, and a run can be repeated
// without some of them ([Options.Without]): so a failing run is made smaller
// until nothing can be left out (package sim does that).
//
// What may be in this room: turns, time, chance, and the search for smaller
// runs. What may not: anything that knows what kind of kernel takes part.
package turns
