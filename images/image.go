package images

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// An Image is what was found in the file of one.
type Image struct {
	Size        int64  // of the file, in bytes
	Address     uint64 // physical, of the payload
	CommandLine string // see [Config]
	Program     Program
	Files       []File // in the archive's order, without the program
	Linux       *Linux // nil: the image has the shim in place of a kernel
	OCI         *OCI   // nil: it did not come out of a container image

	passed string // see Passed
}

// Passed is the part of the command line that is not in the image itself: who
// boots it passes it, in front of what [Image.WithArguments] makes.
func (im *Image) Passed() string { return im.passed }

// Linux is what an image has that boots a stock Linux kernel.
type Linux struct {
	Version           string // of the kernel
	Kernel, Initramfs string // paths of the files to boot
}

// A Program is what a guest runs.
type Program struct {
	Size int64 // in bytes
	// Build is how it was built, where it is a Go program; nil otherwise.
	Build *buildinfo.BuildInfo
}

// A File is one that a guest finds below its root.
type File struct {
	Path   string // from the root, without a slash in front
	Mode   fs.FileMode
	Size   int64  // in bytes
	Target string // of a symbolic link
}

// Open reads the image in a file, or the one in a folder: one with a stock
// Linux kernel, or an OCI layout.
func Open(name string) (*Image, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		open := openLinux
		if _, err := os.Lstat(filepath.Join(name, "index.json")); err == nil {
			open = openOCI
		}
		im, err := open(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return im, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	im, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return im, nil
}

// Parse takes an image apart. The bytes may be anything: what is damaged is an
// error that says where.
func Parse(b []byte) (*Image, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("larger than %d bytes, the most that an image may have", MaxSize)
	}
	payload, address, err := findPayload(b)
	if err != nil {
		return nil, err
	}
	im := &Image{Size: int64(len(b)), Address: address}
	line, archive, err := splitPayload(payload)
	if err != nil {
		return nil, err
	}
	if err := checkCommandLine(line); err != nil {
		return nil, err
	}
	im.CommandLine = line
	if err := im.addFiles(archive, programName); err != nil {
		return nil, err
	}
	return im, nil
}

// findPayload is the segment that is loaded where the shim looks for it.
func findPayload(b []byte) ([]byte, uint64, error) {
	address, err := payloadAddress(b)
	if err != nil {
		return nil, 0, err
	}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, 0, err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Paddr != address {
			continue
		}
		if p.Off > uint64(len(b)) || p.Filesz > uint64(len(b))-p.Off {
			return nil, 0, fmt.Errorf("cut short: the payload of %d bytes at %d lies outside of the file's %d bytes", p.Filesz, p.Off, len(b))
		}
		return b[p.Off : p.Off+p.Filesz], address, nil
	}
	return nil, 0, errors.New("a shim without a payload: it boots, and has nothing to run")
}

func (im *Image) addFiles(archive []byte, program string) error {
	records, err := readArchive(archive)
	if err != nil {
		return err
	}
	found := false
	for _, r := range records {
		if r.Name == program {
			found = true
			b := make([]byte, r.FileSize)
			if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if err := CheckProgram(b); err != nil {
				return err
			}
			im.Program.Size = int64(r.FileSize)
			im.Program.Build, _ = buildinfo.Read(bytes.NewReader(b)) // nil: not written in Go
			continue
		}
		if im.Linux != nil && isLinuxInit(r.Name) {
			continue // ours
		}
		f := File{Path: r.Name, Mode: fileMode(r.Mode), Size: int64(r.FileSize)}
		if f.Mode.Type() == fs.ModeSymlink {
			f.Target, _ = readLink(r) // read before, in checkRecord
		}
		im.Files = append(im.Files, f)
	}
	if !found {
		return fmt.Errorf("the archive has no program, /%s", program)
	}
	return nil
}
