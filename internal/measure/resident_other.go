//go:build !linux

package measure

import "github.com/anykernel/anykernel/sys"

func resident() (int64, error) { return 0, sys.ErrNotSupported }
