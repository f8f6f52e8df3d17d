package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/anykernel/anykernel/sys"
)

const (
	files  = 24
	perDir = 6
)

func nameOf(i int) string { return fmt.Sprintf("/mnt/dir%d/file%d", i/perDir, i) }

// contentOf is from 1 byte to 60 KiB.
func contentOf(i int) []byte {
	return bytes.Repeat([]byte{byte('a' + i)}, 1+i*i*i*7919%60000)
}

// A save writes a file that must last when it returns.
type save func(p *sys.Process, name string, b []byte) error

// careful saves as careful programs do: under another name, written to the
// disk, renamed, and then the directory written to the disk.
func careful(p *sys.Process, name string, b []byte) error {
	return errors.Join(hopeful(p, name+".new", b), p.Rename(name+".new", name), syncDir(p, path.Dir(name)))
}

// hopeful believes that fsync(2) of a file does for its directory, too.
func hopeful(p *sys.Process, name string, b []byte) error {
	f, err := p.Open(name, sys.O_CREAT|sys.O_WRONLY|sys.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// work saves files, and marks each by its name. Others come and go without a
// promise.
func work(p *sys.Process, save save, mark func(string)) error {
	for i := range files {
		name := nameOf(i)
		if i%perDir == 0 {
			// The kernel writes back by itself what is old. The minute is one
			// of virtual time.
			_, err := p.Nanosleep(time.Minute)
			if err := errors.Join(err, p.Mkdir(path.Dir(name), 0o755)); err != nil {
				return err
			}
		}
		err := save(p, name, contentOf(i))
		if err != nil {
			return err
		}
		mark(name)
		if i%3 == 0 {
			err = errors.Join(p.WriteFile(name+".more", contentOf(i), 0o644), p.Rename(name+".more", name+".other"))
		}
		if i%5 == 0 {
			err = errors.Join(err, p.WriteFile(name+".gone", contentOf(i), 0o644), p.Unlink(name+".gone"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func syncDir(p *sys.Process, dir string) error {
	f, err := p.Open(dir, sys.O_RDONLY|sys.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// check looks for the files that were promised, reads everything else that is
// there, and writes some more.
func check(k *sys.Kernel, promised []string) error {
	p := k.Init()
	for i := range promised {
		b, err := p.ReadFile(nameOf(i))
		if err != nil {
			return err
		}
		if !bytes.Equal(b, contentOf(i)) {
			return fmt.Errorf("%s has %d bytes, not the %d that were written", nameOf(i), len(b), len(contentOf(i)))
		}
	}
	err := fs.WalkDir(p.FS("/mnt"), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case strings.Count(name, "/") > 3:
			err = errors.New("a directory is in itself")
		case e.Type().IsRegular():
			_, err = p.ReadFile("/mnt/" + name)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := p.Mkdir("/mnt/after", 0o755); err != nil {
		return err
	}
	for i := range perDir {
		if err := hopeful(p, fmt.Sprintf("/mnt/after/%d", i), contentOf(i+1)); err != nil {
			return err
		}
	}
	return nil
}
