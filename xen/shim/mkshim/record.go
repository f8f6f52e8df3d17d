package main

import (
	"fmt"
	"os/exec"
	"strings"

	"github.com/anykernel/anykernel/xen/shim/source"
)

// record says what the shim was built from: the digest of its sources and the
// versions of the tools.
func (b *builder) record() (string, error) {
	digest, err := source.Digest(b.src)
	if err != nil {
		return "", err
	}
	var s strings.Builder
	fmt.Fprintf(&s, "sources %s\n", digest)
	for _, t := range []string{"gcc", "ld"} {
		v, err := version(t)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&s, "%s %s\n", t, v)
	}
	return s.String(), nil
}

func version(tool string) (string, error) {
	out, err := exec.Command(tool, "--version").Output()
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}
