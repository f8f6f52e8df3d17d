package applets

import (
	"errors"

	"github.com/anykernel/anykernel/sys"
)

var syncApplet = &Applet{
	Name:     "sync",
	Summary:  "write what is in memory to the disks: of files and directories, or all",
	Synopsis: "[FILE...]",
	flags:    simple(runSync),
}

func runSync(j *job, args []string) error {
	if len(args) == 0 {
		return j.p.Sync()
	}
	return j.each(args, func(name string) error {
		f, err := j.p.Open(j.path(name), sys.O_RDONLY|sys.O_NONBLOCK|sys.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
