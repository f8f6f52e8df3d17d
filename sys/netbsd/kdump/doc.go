// Package kdump reads what NetBSD's ktrace(2) recorded, on any host:
//
//	r := kdump.NewReader(file, netbsd.AMD64)
//	for r.Next() {
//		fmt.Print(kdump.Format(r.Record()))
//	}
//	err := r.Err()
//
// A recording is hostile: every length in it is checked, and what is read is
// bounded.
//
// What may be in this room: the format of ktrace files, and their text. What
// may not: the calls that record; they are in sys/netbsd.
package kdump
