package rump

import (
	"strings"
	"testing"
)

func TestParseMount(t *testing.T) {
	for text, want := range map[string]mount{
		"disk.img:/mnt":             {image: "disk.img", dir: "/mnt"},
		"ffs:disk.img:/mnt":         {fstype: "ffs", image: "disk.img", dir: "/mnt"},
		"disk.img#2:/mnt":           {image: "disk.img", partition: 2, dir: "/mnt"},
		"a#b:/mnt":                  {image: "a#b", dir: "/mnt"},
		"/dev/sda#5:/a/b/../c:ro":   {image: "/dev/sda", partition: 5, dir: "/a/c", readOnly: true},
		"C:disk.img:/mnt":           {image: "C:disk.img", dir: "/mnt"},
		"msdos:x:/mnt:rw,uid=5":     {fstype: "msdos", image: "x", dir: "/mnt", options: "uid=5"},
		"a:/b:/mnt":                 {image: "a:/b", dir: "/mnt"},
		"cd9660:x:/mnt:ro,nojoliet": {fstype: "cd9660", image: "x", dir: "/mnt", options: "nojoliet", readOnly: true},
	} {
		got, err := parseMount(text)
		want.size = -1
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func FuzzParseMount(f *testing.F) {
	f.Add("ffs:disk.img#1:/mnt:ro,uid=5")
	f.Add(":/:")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMount(text)
		if err == nil && (m.image == "" || !strings.HasPrefix(m.dir, "/") || m.dir == "/" || strings.Contains(m.dir+"/", "/../")) {
			t.Errorf("%q is %+v", text, m)
		}
	})
}
