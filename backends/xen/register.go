package xen

import (
	"fmt"
	"strconv"

	"github.com/anykernel/anykernel/backends"
)

// Name is what specifications call the backend.
const Name = "xen"

// defaultMemory is what gVisor's kernel needs under some load, in MiB.
const defaultMemory = 256

func init() {
	backends.Register(backends.Backend{
		Name:      Name,
		Summary:   "a kernel in a bare guest under QEMU, with no operating system under it",
		Args:      "the image of a program that serves a kernel, such as examples/xenkernel",
		NeedsArgs: true,
		Options: []backends.OptionInfo{
			{Key: "kernel", Value: "specification", Default: "what the image says", Doc: "the kernel that the guest opens, such as sentry:hostname=box"},
			{Key: "mem", Value: "MiB", Default: strconv.Itoa(defaultMemory), Doc: "the guest's memory"},
			{Key: "cpus", Value: "number", Default: "1", Doc: "the guest's virtual processors"},
			{Key: "accel", Value: "kvm or tcg", Doc: "the accelerator, instead of the best that works"},
		},
		Requirements: requirements,
		Open:         open,
	})
}

// options are a specification's.
type options struct {
	image, kernel, accel string
	memory, cpus         int
}

func parse(s backends.Spec) (o options, err error) {
	if len(s.Args) != 1 {
		return o, fmt.Errorf("%d images: want one", len(s.Args))
	}
	o.image, o.memory = s.Args[0], defaultMemory
	o.kernel, _ = s.Get("kernel")
	o.accel, _ = s.Get("accel")
	if text, ok := s.Get("mem"); ok {
		if o.memory, err = strconv.Atoi(text); err != nil {
			return o, fmt.Errorf("mem=%s: want the memory in MiB, such as mem=%d", text, defaultMemory)
		}
	}
	if text, ok := s.Get("cpus"); ok {
		if o.cpus, err = strconv.Atoi(text); err != nil || o.cpus < 1 {
			return o, fmt.Errorf("cpus=%s: want the number of virtual processors, such as cpus=2", text)
		}
	}
	return o, nil
}
