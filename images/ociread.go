package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// OCI is what an image has that came out of a container image.
type OCI struct {
	Name        string            // in the layout
	Digest      string            // of the manifest
	Annotations map[string]string // of urunc, decoded

	kernel, initramfs []byte
}

// WriteBoot writes the files that boot the image into a folder, and returns
// their paths; no initramfs: "".
func (o *OCI) WriteBoot(dir string) (kernel, initramfs string, err error) {
	kernel = filepath.Join(dir, linuxKernel)
	if err := os.WriteFile(kernel, o.kernel, 0o600); err != nil || o.initramfs == nil {
		return kernel, "", err
	}
	initramfs = filepath.Join(dir, linuxInitramfs)
	return kernel, initramfs, os.WriteFile(initramfs, o.initramfs, 0o600)
}

// maxJSON bounds the size of indexes, manifests and configurations, in bytes.
const maxJSON = 4 << 20

// A layoutReader reads a layout that may be anything: all sizes are bounded,
// blobs have the digests that they are called by, and nothing outside of the
// folder is read.
type layoutReader struct{ root *os.Root }

// openOCI reads the image in an OCI layout.
func openOCI(dir string) (*Image, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	im, err := layoutReader{root}.image()
	if err != nil {
		return nil, fmt.Errorf("OCI layout: %w", err)
	}
	return im, nil
}

func (l layoutReader) image() (*Image, error) {
	at, err := l.manifest()
	if err != nil {
		return nil, err
	}
	b, err := l.blob(*at, maxJSON)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	o := &OCI{Name: at.Annotations[refName], Digest: at.Digest.String()}
	if o.Annotations, err = decodeAnnotations(m.Annotations); err != nil {
		return nil, err
	}
	config, err := l.config(m)
	if err != nil {
		return nil, err
	}
	if len(m.Layers) != 1 || m.Layers[0].MediaType != types.OCIUncompressedLayer {
		return nil, fmt.Errorf("%d layers: an image of anykernel has one, not compressed", len(m.Layers))
	}
	layer, err := l.blob(m.Layers[0], MaxSize)
	if err != nil {
		return nil, err
	}
	if err := o.unpack(layer); err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	return o.parse(config)
}

// manifest is where the image's is: the only one of the index.
func (l layoutReader) manifest() (*v1.Descriptor, error) {
	b, err := readBounded(l.root, "index.json", maxJSON)
	if err != nil {
		return nil, err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	if len(index.Manifests) != 1 || index.Manifests[0].MediaType != types.OCIManifestSchema1 {
		return nil, fmt.Errorf("index.json has %d manifests: want the one of an image of anykernel", len(index.Manifests))
	}
	return &index.Manifests[0], nil
}

// blob reads what a descriptor describes.
func (l layoutReader) blob(d v1.Descriptor, limit int64) ([]byte, error) {
	if d.Digest.Algorithm != "sha256" {
		return nil, fmt.Errorf("blob %v: want sha256", d.Digest)
	}
	if _, err := hex.DecodeString(d.Digest.Hex); err != nil || len(d.Digest.Hex) != 2*sha256.Size {
		return nil, fmt.Errorf("blob %v: not a digest", d.Digest)
	}
	b, err := readBounded(l.root, "blobs/sha256/"+d.Digest.Hex, limit)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != d.Size {
		return nil, fmt.Errorf("blob %v has %d bytes, and should have %d", d.Digest, len(b), d.Size)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != d.Digest.Hex {
		return nil, fmt.Errorf("blob %v is damaged: its digest is another one", d.Digest)
	}
	return b, nil
}

// config is the container's configuration.
func (l layoutReader) config(m *v1.Manifest) (*v1.ConfigFile, error) {
	b, err := l.blob(m.Config, maxJSON)
	if err != nil {
		return nil, err
	}
	c, err := v1.ParseConfigFile(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if c.OS != "linux" || c.Architecture != "amd64" {
		return nil, fmt.Errorf("the container image is for %s/%s, a guest for linux/amd64", c.OS, c.Architecture)
	}
	if len(c.Config.Cmd) == 0 || c.Config.Cmd[0] != "/"+programName {
		return nil, fmt.Errorf("the container's command is %q: a guest's begins with /%s", c.Config.Cmd, programName)
	}
	return c, nil
}

func decodeAnnotations(encoded map[string]string) (map[string]string, error) {
	if encoded[uruncBinary] == "" {
		return nil, fmt.Errorf("the manifest has no annotation %s: this is no image of a guest", uruncBinary)
	}
	decoded := map[string]string{}
	for k, v := range encoded {
		if !strings.HasPrefix(k, "com.urunc.") {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", k, err)
		}
		decoded[k] = string(b)
	}
	return decoded, nil
}

// unpack takes the files to boot out of the layer. Others may be there, and
// are only counted.
func (o *OCI) unpack(layer []byte) error {
	kernel := strings.TrimPrefix(o.Annotations[uruncBinary], "/")
	initrd := strings.TrimPrefix(o.Annotations[uruncInitrd], "/")
	r := tar.NewReader(bytes.NewReader(layer))
	var described map[string]string
	for n := 0; ; n++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if n > MaxFiles {
			return fmt.Errorf("more than %d files", MaxFiles)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if err := checkName(h.Name); err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%q is not a regular file", h.Name)
		}
		if h.Size > int64(len(layer)) { // a sparse file, which takes no room
			return fmt.Errorf("%q says that it has %d bytes", h.Name, h.Size)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
		switch h.Name {
		case kernel:
			o.kernel = b
		case initrd:
			o.initramfs = b
		case uruncFile:
			if err := json.Unmarshal(b, &described); err != nil {
				return fmt.Errorf("%s: %w", uruncFile, err)
			}
		}
	}
	if o.kernel == nil || (initrd != "" && o.initramfs == nil) {
		return fmt.Errorf("it has no file %q, or no %q", kernel, initrd)
	}
	return o.checkFile(described)
}

// checkFile compares the file of annotations with the manifest's: runtimes take
// one or the other.
func (o *OCI) checkFile(encoded map[string]string) error {
	described, err := decodeAnnotations(encoded)
	if err != nil {
		return fmt.Errorf("%s: %w", uruncFile, err)
	}
	for k, v := range o.Annotations {
		if described[k] != v {
			return fmt.Errorf("%s says %q of %s, the manifest %q", uruncFile, described[k], k, v)
		}
	}
	return nil
}

// parse takes the image in the container image apart.
func (o *OCI) parse(c *v1.ConfigFile) (im *Image, err error) {
	for _, w := range append(c.Config.Cmd[1:], c.Config.Env...) {
		if strings.ContainsAny(w, "\" \n\x00") {
			return nil, fmt.Errorf("%q in the container's command or environment: urunc passes no quotes", w)
		}
	}
	passed := strings.Join(c.Config.Env, " ")
	if len(c.Config.Cmd) > 1 {
		passed = strings.TrimSpace(passed + " -- " + strings.Join(c.Config.Cmd[1:], " "))
	}
	if o.initramfs != nil {
		im, err = (&LinuxImage{Kernel: o.kernel, Initramfs: o.initramfs}).parse()
	} else {
		im, err = Parse(o.kernel)
	}
	if err != nil {
		return nil, err
	}
	im.OCI, im.passed = o, passed
	im.CommandLine = strings.TrimSpace(im.CommandLine + " " + passed)
	return im, nil
}
