// Package timeline draws a recording as a page for a browser: a lane for each
// kernel, with its system calls by process, what it asked of its host, and its
// frames, on virtual time; frames that arrive are joined with where they came
// from, and faults stand above all. The page is one file, needs nothing else, and
// can be zoomed and filtered.
//
// What may be in this room: what is drawn, and the page that draws it. What may
// not: reading recordings, which is hypercall/record's.
package timeline
