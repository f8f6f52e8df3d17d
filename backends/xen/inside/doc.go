// Package inside is the half of backends/xen that is in the guest: it opens a
// kernel there and serves it to whoever started the guest.
//
//	import _ "github.com/anykernel/anykernel/backends/sentry"
//
//	func main() { inside.Main("sentry") }
//
// What may be in this room: serving. What may not: a kernel; the program
// imports those that it offers.
package inside
