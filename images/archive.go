package images

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"github.com/u-root/u-root/pkg/cpio"
)

// newc: 6 bytes of magic and 13 fields of 8 hexadecimal digits.
const (
	newcMagic    = "070701"
	newcHeader   = 110
	newcFileSize = 6
	newcNameSize = 11
)

// readArchive reads an archive that may be anything: every size is checked
// against the archive's end before it is used, names and links stay below the
// root, and there is one entry for a name.
func readArchive(archive []byte) ([]cpio.Record, error) {
	if err := checkSizes(archive); err != nil {
		return nil, err
	}
	var records []cpio.Record
	seen := map[string]bool{}
	r := cpio.Newc.Reader(bytes.NewReader(archive))
	for {
		rec, err := r.ReadRecord()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
		if err := checkRecord(rec); err != nil {
			return nil, fmt.Errorf("archive: entry %q: %w", rec.Name, err)
		}
		if seen[rec.Name] {
			return nil, fmt.Errorf("archive: two entries %q", rec.Name)
		}
		seen[rec.Name] = true
		records = append(records, rec)
	}
}

// checkSizes walks over the headers, so that nothing is allocated by what they
// say.
func checkSizes(archive []byte) error {
	at := 0
	for n := 0; ; n++ {
		bad := func(what string) error { return fmt.Errorf("archive: entry %d at byte %d: %s", n, at, what) }
		if n > MaxFiles+1 {
			return fmt.Errorf("archive: more than %d entries", MaxFiles)
		}
		h := archive[at:]
		if len(h) < newcHeader || string(h[:6]) != newcMagic {
			return bad("no header")
		}
		nameSize, err1 := newcField(h, newcNameSize)
		fileSize, err2 := newcField(h, newcFileSize)
		if err1 != nil || err2 != nil {
			return bad("a size is not a number")
		}
		data := (newcHeader + nameSize + 3) &^ 3
		end := data + (fileSize+3)&^3
		if nameSize < 2 || nameSize > maxPath+2 {
			return bad(fmt.Sprintf("a name of %d bytes", nameSize))
		}
		if data > len(h) || h[newcHeader+nameSize-1] != 0 {
			return bad("the name does not end")
		}
		name := string(h[newcHeader : newcHeader+nameSize-1])
		if name == cpio.Trailer {
			return nil
		}
		if end > len(h) {
			return bad(fmt.Sprintf("%d bytes of %q, and the archive has only %d left", fileSize, name, len(h)-data))
		}
		if err := checkName(name); err != nil {
			return bad(err.Error())
		}
		at += end
	}
}

func newcField(header []byte, field int) (int, error) {
	s := header[6+8*field:][:8]
	v, err := strconv.ParseUint(string(s), 16, 32)
	return int(v), err
}

func checkRecord(r cpio.Record) error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	switch r.Mode & cpio.S_IFMT {
	case cpio.S_IFREG, cpio.S_IFDIR:
		return nil
	case cpio.S_IFLNK:
		target, err := readLink(r)
		if err != nil {
			return err
		}
		return checkLink(r.Name, target)
	}
	return fmt.Errorf("an image holds files, directories and symbolic links, not mode %#o", r.Mode)
}

// readLink reads the target of a link, whose size has been checked against
// the archive but not against a path's.
func readLink(r cpio.Record) (string, error) {
	if r.FileSize > maxPath {
		return "", fmt.Errorf("a link of %d bytes", r.FileSize)
	}
	b := make([]byte, r.FileSize)
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return string(b), nil
}

func fileMode(mode uint64) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	switch mode & cpio.S_IFMT {
	case cpio.S_IFDIR:
		m |= fs.ModeDir
	case cpio.S_IFLNK:
		m |= fs.ModeSymlink
	}
	return m
}
