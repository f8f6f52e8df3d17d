// Package kit knows the folder that holds NetBSD's kernel libraries: which
// components there are, what each of them needs, and in which order they are
// linked.
//
// A component is one library: librumpnet_netinet.so is the component
// net_netinet. A kit comes from a release of NetBSD, from a NetBSD host, or
// from any folder that holds the libraries; see scripts/buildrump.sh.
//
// What may be in this room: names, dependencies and order. What may not: cgo,
// and the running of a kernel.
package kit
