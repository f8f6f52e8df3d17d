package sys

import "testing"

// TestTablesAreComplete holds the ABIs of the kernels that this module reaches
// to what the calls on files need of them.
func TestTablesAreComplete(t *testing.T) {
	for _, a := range testABIs {
		tab := tableOf(a)
		f := &tab.files
		for what, ok := range map[string]bool{
			"stat":          f.stat.size > 0 && f.stat.ino.Size > 0 && f.stat.mode.Size > 0 && f.stat.length.Size == 8 && f.stat.mtime.sec.Size > 0,
			"statfs":        f.statfs.size > 0 && f.statfs.blocks.Size > 0 && f.statfs.bsize.Size > 0,
			"dirent":        f.dirent.reclen.Size > 0 && f.dirent.name > 0 && f.dirent.ino.Size > 0 && f.dirent.kind.Size > 0,
			"timespec":      f.times.size > 0 && f.times.spec.nsec.Size > 0,
			"flock":         f.flock.size > 0 && f.flock.kind.Size > 0 && f.flock.types != [3]int{-1, -1, -1},
			"winsize":       f.ioctl.winsize == 8 && f.ioctl.getWinsize != 0,
			"FIONREAD":      f.ioctl.readable != 0,
			"F_GETFL":       f.fcntl[fGetFL] > 0,
			"openat":        tab.has(opOpenat),
			"fstatat":       tab.has(opFstatat),
			"directories":   tab.has(opGetdents) || tab.has(opGetdirentries),
			"statfs's call": tab.has(opStatfs) || tab.has(opStatvfs1),
		} {
			if !ok {
				t.Errorf("%s/%s: %s is missing: %+v", a.OS, a.Arch, what, f)
			}
		}
		if a.OS == "darwin" { // sets times by another call
			continue
		}
		if f.times.now == 0 || f.times.omit == 0 || !tab.has(opUtimensat) {
			t.Errorf("%s/%s: times are missing: %+v", a.OS, a.Arch, f.times)
		}
	}
}
