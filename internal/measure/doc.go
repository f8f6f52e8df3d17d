// Package measure times what kernels do. The command "anykernel bench" and
// the benchmarks of the repository share it.
//
// Kernels are compared within one run: each round times every kernel once,
// and the median of the rounds counts, so that what else goes on in the
// machine meets all of them alike. Ratios can be trusted, times less so.
//
// What may be in this room: operations and the way to time them. What may
// not: printing, and a backend.
package measure
