package main

import (
	"strings"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
)

func TestRun(t *testing.T) {
	kerneltest.NeedKernel(t, "rump")
	var b strings.Builder
	if err := serveAndUse(t.Context(), &b); err != nil {
		t.Fatalf("%v, after\n%s", err, b.String())
	}
	const want = "NetBSD at the other end\nthe second read: what the first wrote\nby its TCP: hello, second\n" +
		"the server went, and a call that waited said so\n"
	if b.String() != want {
		t.Errorf("it wrote\n%swant\n%s", b.String(), want)
	}
}
