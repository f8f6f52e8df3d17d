package xentest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Bed is one run of Xen and dom0.
type Bed struct {
	// Files are put into /guests of dom0: images, and configurations of xl(1).
	Files map[string][]byte
	// Script is run in dom0 by sh. Besides commands it has the functions
	// `guest NAME`, which runs a guest to its end and prints its console, and
	// `await NAME PATTERN`.
	Script string
}

// Run boots Xen, runs the script, and returns what dom0 printed, from where it
// was ready.
func (b Bed) Run(ctx context.Context) (string, error) {
	root, err := Root(ctx)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "xentest")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	files := map[string][]byte{"script": []byte(b.Script)}
	for name, data := range b.Files {
		files[name] = data
	}
	initramfs, err := newDom0(root, files)
	if err != nil {
		return "", err
	}
	xen, kernel, err := hypervisor(root)
	if err != nil {
		return "", err
	}
	for name, data := range map[string][]byte{"xen": xen, "kernel": kernel, "initramfs": initramfs} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return "", err
		}
	}
	return boot(ctx, dir)
}

// boot runs QEMU on the files in dir.
//
// The processor is an AMD with SVM and nested paging, which QEMU emulates, and
// without what gets into the way of that. Idling by MWAIT or by C-states makes
// an emulated Xen late.
func boot(ctx context.Context, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64",
		"-accel", "tcg", "-cpu", "EPYC,+svm,+npt,-smap,-monitor,-rdtscp", "-machine", "q35", "-m", "2048",
		"-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio",
		"-kernel", "xen", "-append", "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning dom0_mem=1024M,max:1024M cpuidle=0 mwait-idle=0",
		"-initrd", "kernel console=hvc0 rdinit=/init loglevel=4,initramfs")
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	text := strings.ReplaceAll(out.String(), "\r", "")
	_, after, ready := strings.Cut(text, "dom0 is ready\n")
	switch {
	case ctx.Err() != nil:
		return text, fmt.Errorf("xentest: %w", ctx.Err())
	case err != nil || !ready:
		return text, fmt.Errorf("xentest: dom0 did not start (QEMU: %v)", err)
	case !strings.Contains(after, "dom0 is done"):
		return after, fmt.Errorf("xentest: the script did not end")
	}
	return after, nil
}
