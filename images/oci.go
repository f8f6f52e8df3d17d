package images

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Annotations that urunc reads (urunc: docs/package). Their values are in
// base64, in the manifest and in a file, which is for those that do not pass
// annotations on.
const (
	uruncType       = "com.urunc.unikernel.unikernelType"
	uruncHypervisor = "com.urunc.unikernel.hypervisor"
	uruncBinary     = "com.urunc.unikernel.binary"
	uruncInitrd     = "com.urunc.unikernel.initrd"
	uruncCmdline    = "com.urunc.unikernel.cmdline"
	uruncFile       = "urunc.json"
)

// In the layer.
const (
	ociKernel = "unikernel/kernel"
	ociInitrd = "unikernel/initrd"
)

// refName is the annotation that tools know an image of a layout by.
const refName = "org.opencontainers.image.ref.name"

// An OCIImage is an image in a container image, for urunc. To urunc, the guest
// is of its type "linux" in both cases, because the shim takes a command line
// as Linux does.
type OCIImage struct {
	Name        string   // such as "web:1"
	Kernel      []byte   // an image of ours, or a Linux kernel
	Initramfs   []byte   // of Linux; nil otherwise
	Environment []string // NAME=VALUE
	Arguments   []string // of the program
}

// BuildOCI makes a container image of what [Build] makes.
func BuildOCI(name string, c Config) (*OCIImage, error) {
	words, arguments, err := splitArguments(c.CommandLine)
	if err != nil {
		return nil, err
	}
	c.CommandLine = words // the runtime's words come behind these
	image, err := Build(c)
	if err != nil {
		return nil, err
	}
	return &OCIImage{Name: name, Kernel: image, Arguments: arguments}, nil
}

// BuildLinuxOCI makes a container image of what [BuildLinux] makes.
func BuildLinuxOCI(ctx context.Context, name string, c Config, k LinuxKernel) (*OCIImage, error) {
	words, arguments, err := splitArguments(c.CommandLine)
	if err != nil {
		return nil, err
	}
	environment := splitWords(words)
	for _, w := range environment {
		if name, _, ok := strings.Cut(w, "="); !ok || strings.Contains(name, ".") {
			return nil, fmt.Errorf("the word %q of the command line: a container runtime passes Linux NAME=VALUE, and arguments behind --", w)
		}
	}
	im, err := BuildLinux(ctx, c, k)
	if err != nil {
		return nil, err
	}
	return &OCIImage{Name: name, Kernel: im.Kernel, Initramfs: im.Initramfs, Environment: environment, Arguments: arguments}, nil
}

// splitArguments splits a command line at "--". urunc puts arguments behind one
// another as they are.
func splitArguments(line string) (words string, arguments []string, err error) {
	if err := checkCommandLine(line); err != nil {
		return "", nil, err
	}
	words = line
	for at := 0; ; {
		i := strings.Index(line[at:], "--")
		if i < 0 {
			return words, nil, nil
		}
		at += i
		before, behind := line[:at], line[at+2:]
		if (before == "" || before[at-1] == ' ') && (behind == "" || behind[0] == ' ') && strings.Count(before, `"`)%2 == 0 {
			words, arguments = strings.TrimSpace(before), splitWords(behind)
			break
		}
		at += 2
	}
	for _, a := range arguments {
		if a == "" || strings.ContainsAny(a, " '") {
			return "", nil, fmt.Errorf("the argument %q: urunc passes arguments without quotes", a)
		}
	}
	return words, arguments, nil
}

// command is the container's: urunc takes its first word for the first process.
func (o *OCIImage) command() []string { return append([]string{"/" + programName}, o.Arguments...) }

// annotations are those of the manifest.
func (o *OCIImage) annotations() map[string]string {
	a := map[string]string{
		uruncType: "linux", uruncHypervisor: "qemu", uruncBinary: "/" + ociKernel, uruncCmdline: strings.Join(o.command(), " "),
	}
	if o.Initramfs != nil {
		a[uruncInitrd] = "/" + ociInitrd
	}
	for k, v := range a {
		a[k] = base64.StdEncoding.EncodeToString([]byte(v))
	}
	return a
}

// layer is the container's files. It is not compressed: another version of a
// compressor would give other bytes.
func (o *OCIImage) layer() (v1.Layer, error) {
	annotations, err := json.Marshal(o.annotations()) // keys are sorted
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, kind byte, mode int64, data []byte) {
		h := &tar.Header{Typeflag: kind, Name: name, Mode: mode, Size: int64(len(data)), Format: tar.FormatUSTAR}
		err = errors.Join(err, w.WriteHeader(h))
		_, werr := w.Write(data)
		err = errors.Join(err, werr)
	}
	add("unikernel/", tar.TypeDir, 0o755, nil)
	add(ociKernel, tar.TypeReg, 0o755, o.Kernel)
	if o.Initramfs != nil {
		add(ociInitrd, tar.TypeReg, 0o644, o.Initramfs)
	}
	add(uruncFile, tar.TypeReg, 0o644, annotations)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return static.NewLayer(b.Bytes(), types.OCIUncompressedLayer), nil
}

// index is the container image, in an index that names it.
func (o *OCIImage) index() (v1.ImageIndex, error) {
	layer, err := o.layer()
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, MediaType: types.OCIUncompressedLayer})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Cmd, config.Config.Env = o.command(), o.Environment
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, err
	}
	image = mutate.Annotations(image, o.annotations()).(v1.Image)
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add: image,
		Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "linux", Architecture: "amd64"},
			Annotations: map[string]string{refName: o.Name},
		},
	}), nil
}

// ociFiles is what a layout consists of.
var ociFiles = []string{"oci-layout", "index.json", "blobs"}

// Write writes the container image as an OCI layout. The same image gives the
// same bytes. What is already in the folder has to be an older layout.
func (o *OCIImage) Write(dir string) error {
	if o.Name == "" || strings.ContainsFunc(o.Name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("the container image's name is %q: want one such as web:1", o.Name)
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(ociFiles, e.Name()) {
			return fmt.Errorf("%s: the folder has %s, which is no part of a layout: choose another folder", dir, e.Name())
		}
	}
	index, err := o.index()
	if err != nil {
		return err
	}
	for _, name := range ociFiles {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	_, err = layout.Write(dir, index)
	return err
}
