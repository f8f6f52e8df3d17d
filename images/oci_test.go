package images

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func buildOCI(t testing.TB, c Config) *OCIImage {
	t.Helper()
	o, err := BuildOCI("web:1", c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func writeOCI(t testing.TB, o *OCIImage) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "layout")
	if err := o.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// contents is all files below a folder.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestOCI(t *testing.T) {
	c := testConfig()
	o := buildOCI(t, c)
	dir := writeOCI(t, o)
	if again := writeOCI(t, buildOCI(t, c)); !reflect.DeepEqual(contents(t, dir), contents(t, again)) {
		t.Error("two builds differ")
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err == nil {
		err = validate.Index(index, validate.Fast) // it takes all layers for compressed ones
	}
	if err != nil {
		t.Errorf("not a layout: %v", err)
	}
	im, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if im.OCI.Name != "web:1" || im.CommandLine != c.CommandLine || im.Passed() != "-- one two" || len(im.Files) != 6 || im.Linux != nil {
		t.Errorf("parsed %+v, %+v", im, im.OCI)
	}
	want := map[string]string{
		"com.urunc.unikernel.unikernelType": "linux", "com.urunc.unikernel.hypervisor": "qemu",
		"com.urunc.unikernel.binary": "/unikernel/kernel", "com.urunc.unikernel.cmdline": "/init one two",
	}
	if !maps.Equal(im.OCI.Annotations, want) {
		t.Errorf("annotations %v", im.OCI.Annotations)
	}
	kernel, initramfs, err := im.OCI.WriteBoot(t.TempDir())
	if err != nil || initramfs != "" {
		t.Fatal(initramfs, err)
	}
	if b, err := os.ReadFile(kernel); err != nil || !bytes.Equal(b, o.Kernel) {
		t.Errorf("another image came out, %v", err)
	}
	c.CommandLine = "" // a new image replaces the old one, with all of its blobs
	if err := buildOCI(t, c).Write(dir); err != nil || len(contents(t, dir)) != 5 {
		t.Errorf("%d files, %v", len(contents(t, dir)), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := o.Write(dir); err == nil || !strings.Contains(err.Error(), "notes") {
		t.Errorf("a folder with other files was written to: %v", err)
	}
}

func TestLinuxOCI(t *testing.T) {
	c, k := testConfig(), LinuxKernel{Image: testKernel()}
	buildLinux(t, c, k) // or skips
	o, err := BuildLinuxOCI(t.Context(), "web", c, k)
	if err != nil {
		t.Fatal(err)
	}
	im, err := Open(writeOCI(t, o))
	if err != nil {
		t.Fatal(err)
	}
	if im.Linux == nil || im.CommandLine != c.CommandLine || im.Passed() != c.CommandLine || im.OCI.Annotations[uruncInitrd] != "/unikernel/initrd" {
		t.Errorf("parsed %+v, %+v", im, im.OCI)
	}
	c.CommandLine = "quiet"
	if _, err := BuildLinuxOCI(t.Context(), "web", c, k); err == nil || !strings.Contains(err.Error(), `"quiet"`) {
		t.Errorf("a parameter of the kernel: %v", err)
	}
}

func TestSplitArguments(t *testing.T) {
	for line, want := range map[string]string{
		"":                  " []",
		"A=b -- c d":        "A=b [c d]",
		"-- c":              " [c]",
		`A="x -- y"`:        `A="x -- y" []`,
		"A=--b --":          "A=--b []",
		`A="x -- y" -- -- `: `A="x -- y" [--]`,
		`-- "a b"`:          "without quotes",
		`-- ""`:             "without quotes",
		"-- it's":           "without quotes",
	} {
		words, arguments, err := splitArguments(line)
		got := words + " [" + strings.Join(arguments, " ") + "]"
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	for _, name := range []string{"", "a b", "a\n"} {
		if err := (&OCIImage{Name: name}).Write(t.TempDir()); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
}

// tarOf is an archive of files; a file called NAME->TARGET is a link.
func tarOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		if from, to, ok := strings.Cut(name, "->"); ok {
			h = &tar.Header{Name: from, Linkname: to, Typeflag: tar.TypeSymlink}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A hostile is a layout that is not ours in something.
type hostile struct {
	layer       []byte
	annotations map[string]string
	config      func(*v1.ConfigFile)
	layers      int
	files       func(dir string) error // changes what was written
}

func (h hostile) write(t *testing.T) (dir string) {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	var err error
	for range h.layers {
		image, err = mutate.Append(image, mutate.Addendum{Layer: static.NewLayer(h.layer, types.OCIUncompressedLayer), MediaType: types.OCIUncompressedLayer})
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture, config.Config.Cmd = "linux", "amd64", []string{"/init"}
	if h.config != nil {
		h.config(config)
	}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	image = mutate.Annotations(image, h.annotations).(v1.Image)
	dir = t.TempDir()
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image})); err != nil {
		t.Fatal(err)
	}
	if h.files != nil {
		if err := h.files(dir); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// largest is the path of a layout's largest blob, which is its layer.
func largest(dir string) (path string, err error) {
	var size int64
	err = filepath.Walk(filepath.Join(dir, "blobs"), func(name string, info fs.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > size {
			path, size = name, info.Size()
		}
		return err
	})
	return path, err
}

func TestHostileLayouts(t *testing.T) {
	o := buildOCI(t, testConfig())
	o.Arguments = nil
	good := hostile{annotations: o.annotations(), layers: 1}
	described := `{"com.urunc.unikernel.binary":"` + base64.StdEncoding.EncodeToString([]byte("/etc/shadow")) + `"}`
	own := func() map[string]string {
		l, err := o.layer()
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for tr := tar.NewReader(r); ; {
			h, err := tr.Next()
			if err != nil {
				return files
			}
			var b bytes.Buffer
			b.ReadFrom(tr)
			if h.Typeflag == tar.TypeReg {
				files[h.Name] = b.String()
			}
		}
	}()
	with := func(name, data string) []byte {
		files := maps.Clone(own)
		files[name] = data
		return tarOf(t, files)
	}
	if _, err := Open(hostile{layer: tarOf(t, own), annotations: good.annotations, layers: 1}.write(t)); err != nil {
		t.Fatal("the layout that is changed below: ", err)
	}
	for name, tc := range map[string]struct {
		h    hostile
		want string
	}{
		"no annotations":  {hostile{layer: tarOf(t, own), layers: 1}, "no image of a guest"},
		"not base64":      {hostile{layer: tarOf(t, own), layers: 1, annotations: map[string]string{uruncBinary: "!"}}, "base64"},
		"two layers":      {hostile{layer: tarOf(t, own), layers: 2}, "no image of a guest"},
		"more layers":     {hostile{layer: tarOf(t, own), layers: 2, annotations: good.annotations}, "2 layers"},
		"no layer":        {hostile{annotations: good.annotations}, "0 layers"},
		"not a tar":       {hostile{layer: bytes.Repeat([]byte("x"), 2000), layers: 1, annotations: good.annotations}, "layer"},
		"escape":          {hostile{layer: with("../../etc/passwd", "x"), layers: 1, annotations: good.annotations}, "not a path from the root"},
		"absolute":        {hostile{layer: with("/etc/passwd", "x"), layers: 1, annotations: good.annotations}, "not a path from the root"},
		"link":            {hostile{layer: with("etc->/etc", ""), layers: 1, annotations: good.annotations}, "not a regular file"},
		"no kernel":       {hostile{layer: tarOf(t, nil), layers: 1, annotations: good.annotations}, "no file"},
		"another guest":   {hostile{layer: with(uruncFile, described), layers: 1, annotations: good.annotations}, "the manifest"},
		"no file":         {hostile{layer: with(uruncFile, "{}"), layers: 1, annotations: good.annotations}, uruncFile},
		"not JSON":        {hostile{layer: with(uruncFile, "x"), layers: 1, annotations: good.annotations}, uruncFile},
		"not our kernel":  {hostile{layer: with(ociKernel, strings.Repeat("x", 100)), layers: 1, annotations: good.annotations}, "bad magic"},
		"another machine": {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, config: func(c *v1.ConfigFile) { c.Architecture = "arm64" }}, "linux/arm64"},
		"another command": {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, config: func(c *v1.ConfigFile) { c.Config.Cmd = []string{"/bin/sh"} }}, "/bin/sh"},
		"quotes":          {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, config: func(c *v1.ConfigFile) { c.Config.Env = []string{`A=" -- x`} }}, "no quotes"},
		"damaged": {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, files: func(dir string) error {
			name, err := largest(dir)
			if err != nil {
				return err
			}
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 1
			return os.WriteFile(name, b, 0o644)
		}}, "digest is another"},
		"cut short": {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, files: func(dir string) error {
			name, err := largest(dir)
			if err != nil {
				return err
			}
			return os.Truncate(name, 100)
		}}, "should have"},
		"link to outside": {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, files: func(dir string) error {
			name, err := largest(dir)
			if err != nil {
				return err
			}
			outside := filepath.Join(filepath.Dir(dir), "outside")
			if err := os.Rename(name, outside); err != nil {
				return err
			}
			return os.Symlink(outside, name)
		}}, "escapes"},
		"path in a digest": {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, files: func(dir string) error {
			index := `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":"sha256:../../index.json"}]}`
			return os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o644)
		}}, "index.json"},
		"huge index": {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, files: func(dir string) error {
			return os.Truncate(filepath.Join(dir, "index.json"), 1<<40)
		}}, "larger than"},
		"no manifest": {hostile{layer: tarOf(t, own), layers: 1, annotations: good.annotations, files: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "index.json"), []byte("{}"), 0o644)
		}}, "0 manifests"},
	} {
		if _, err := Open(tc.h.write(t)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
}

func FuzzLayer(f *testing.F) {
	o := buildOCI(f, Config{Program: tinyProgram(1)})
	annotations, err := decodeAnnotations(o.annotations())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(tarOf(f, map[string]string{ociKernel: "kernel", uruncFile: "{}"}))
	f.Add(tarOf(f, map[string]string{"a->b": "", "../c": ""}))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := &OCI{Annotations: annotations}
		if err := got.unpack(b); err == nil && len(got.kernel) > len(b) {
			t.Errorf("a kernel of %d bytes in a layer of %d", len(got.kernel), len(b))
		}
	})
}

func FuzzLayout(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}]}`), []byte("{}"))
	f.Fuzz(func(t *testing.T, index, blob []byte) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755); err != nil {
			t.Fatal(err)
		}
		h, _, err := v1.SHA256(bytes.NewReader(blob))
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"index.json": index, "blobs/sha256/" + h.Hex: blob} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(dir); err == nil {
			t.Error("an image without a layer")
		}
	})
}
