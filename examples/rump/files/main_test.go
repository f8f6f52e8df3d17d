package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/internal/fsimages"
)

func TestRun(t *testing.T) {
	kerneltest.NeedKernel(t, "rump")
	tree := fsimages.Tree(t)
	for _, kind := range fsimages.Kinds {
		if kind.Name != "bfs" && kind.Name != "ffs2" {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			var b strings.Builder
			if err := run(t.Context(), &b, kind.Type, kind.Make(t, tree)); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				`^NetBSD \d+\.\d+.*\(RUMP`, `(?m)^tmpfs on /memory, 1024 KiB$`, `(?m)^` + kind.Type + ` on /disk, \d+ KiB$`,
				`written by a kernel that is gone\n$`,
			} {
				if !regexp.MustCompile(want).MatchString(b.String()) {
					t.Errorf("it wrote\n%swithout %s", b.String(), want)
				}
			}
		})
	}
}
