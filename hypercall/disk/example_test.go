package disk_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/disk"
)

// A disk of 1 MiB is written twice, with a barrier between, and its power
// fails at every moment. What the barrier covered is always there, of the rest
// now and then a part.
func ExampleLog() {
	d, err := disk.New(1<<20, disk.Options{})
	if err != nil {
		log.Fatal(err)
	}
	l := disk.NewLog(d, 0)
	l.WriteAt(bytes.Repeat([]byte("1"), 512), 0)
	l.Sync()
	l.Mark("first")
	l.WriteAt(bytes.Repeat([]byte("2"), 1024), 0)

	torn := false
	for cut := range l.Cuts(100, 1, disk.Torn) {
		after, err := l.At(cut)
		if err != nil {
			log.Fatal(err)
		}
		b := make([]byte, 1024)
		after.ReadAt(b, 0)
		if len(l.Marks(cut.Point)) > 0 && b[0] == 0 {
			fmt.Println("lost")
		}
		torn = torn || b[0] == '2' && b[512] == 0
	}
	fmt.Println("the second write is torn:", torn)
	// Output: the second write is torn: true
}

// A kernel's host whose disk has bad sectors and is slow.
func ExampleFaults() {
	d, err := disk.New(1<<20, disk.Options{})
	if err != nil {
		log.Fatal(err)
	}
	host := hypercall.Host{Block: hypercall.Files(map[string]hypercall.File{"disk0": d})}
	host = hypercall.Wrap(host, disk.Faults("disk0", disk.BadSectors(4096, 512), disk.Slow(disk.Speed{Rate: 100 << 20})))

	f, err := host.Block.Open("disk0", hypercall.Read)
	if err != nil {
		log.Fatal(err)
	}
	_, err = f.ReadAt(make([]byte, 512), 4096)
	fmt.Println(err)
	// Output: bad sector at 4096: input/output error
}
