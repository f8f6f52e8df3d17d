// Package openbsd is the ABI of OpenBSD as data, one variable for each architecture.
// A program holds the tables of those only that it names.
//
// Its files are generated, but for this one; see sys/abi/internal/gen.
package openbsd
