package linux

import (
	"fmt"

	"github.com/anykernel/anykernel/sys"
)

// with keeps f open while do runs with its number, for a call that is made on
// beside. The two must be files of one table of descriptors: a number means
// nothing in another.
func with(f, beside *sys.File, call string, do func(fd int) error) error {
	if !f.SameTable(beside) {
		return beside.Fail(call, fmt.Errorf("%s is a file of another process or kernel", f.Name()))
	}
	var done bool
	err := f.Use(func(fd int) error {
		done = true
		return do(fd)
	})
	if !done {
		return f.Fail(call, err)
	}
	return err
}
