// Package counter keeps a number in a file. Its test shows how code that uses
// a kernel is tested on kernels that exist for that test only.
package counter

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/anykernel/anykernel/sys"
)

// Next adds one to the number in the file and returns it. A file that is not
// there counts as 0. A crash leaves the old number or the new one.
func Next(p *sys.Process, file string) (int, error) {
	n := 0
	b, err := p.ReadFile(file)
	switch {
	case err == nil:
		if n, err = strconv.Atoi(string(b)); err != nil {
			return 0, fmt.Errorf("%s holds no number: %w", file, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return 0, err
	}
	n++
	if err := p.WriteFile(file+".new", []byte(strconv.Itoa(n)), 0o644); err != nil {
		return 0, err
	}
	return n, p.Rename(file+".new", file)
}
