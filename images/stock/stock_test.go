package stock

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kernel has what is read of a bzImage (Documentation/arch/x86/boot.rst).
func kernel(version string) string {
	b := make([]byte, 2048)
	copy(b[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(b[0x206:], 0x20f)
	binary.LittleEndian.PutUint16(b[0x236:], 1)
	binary.LittleEndian.PutUint16(b[0x20e:], 512)
	copy(b[1024:], version+" #1")
	return string(b)
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"boot/vmlinuz-6.1":          kernel("6.1"),
		"boot/vmlinuz-6.2":          kernel("6.2"),
		"boot/text":                 "no kernel",
		"lib/modules/6.1/kernel/ko": "",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	k, err := Find(t.Context(), filepath.Join(dir, "boot/vmlinuz-6.1"))
	if err != nil || string(k.Image) != kernel("6.1") || k.Modules == nil {
		t.Fatalf("%v, modules %v", err, k.Modules)
	}
	if _, err := fs.Stat(k.Modules, "kernel/ko"); err != nil {
		t.Error(err)
	}
	if k, err = Find(t.Context(), filepath.Join(dir, "boot/vmlinuz-6.2")); err != nil || k.Modules != nil {
		t.Errorf("a kernel without modules: %v, %v", err, k.Modules)
	}
	for name, want := range map[string]string{"boot/text": "bzImage", "boot/missing": "no such file", "boot": "not a file"} {
		if _, err := Find(t.Context(), filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, want)
		}
	}
}
