// Package record writes down what kernels ask for and are answered, and runs them
// again from that.
//
// A [Recorder] is a hook for kernels of one run: it writes each event, when it
// begins and when it is answered. A [Replayer] is a hook that is given the same
// events again. It compares each with the recording, and answers in the host's
// place whatever a host answers: files, disks, random numbers, settings. So a
// replay needs no disk image and no file of the host. At the first difference it
// stops the kernel with a [*Difference].
//
// Looks at the clock are left out: it is the world's own.
//
// Only what runs in the same order can be compared: kernels of a world of package
// sim. NetBSD's kernels are the same in every run. With gVisor's kernel, whose
// goroutines have no turns, a replay may find a difference where there is no
// other reason.
//
// # File
//
// A recording begins with the 8 bytes "akrec\x01\r\n", the last but two of which is
// the version. Chunks follow: a byte of type, a byte that is 1 where the payload
// is compressed with DEFLATE, the payload's length and the CRC-32C (Castagnoli) of
// the chunk's number, type, that byte and the payload, both little-endian numbers
// of 32 bits. A chunk holds at most [MaxChunk] bytes before compression. The first
// chunk (type 1) is the [Header] as JSON, the last one (type 3) the number of
// entries as a varint. Those between (type 2) hold entries, which are made of
// varints (as of encoding/binary) and of texts: each text of the recording is
// spelled once, and then goes by its number.
//
//	entry    flags, kernel, name, pid, time since the entry before, fields; and
//	         the error's number and text where flags say so
//	fields   their number, and for each its name, its type and its value
//
// Flags are 1 for an event that begins, 2 for one that ends, or both where nothing
// happened between; 4 where there is an error. Bytes of more than [MaxData] that
// nobody has to be answered with are kept as their length and a hash.
//
// What may be in this room: the format, writing and replaying it. What may not:
// what an event means, but for who answers it.
package record
