package xentest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/u-root/u-root/pkg/cpio"
)

// payloadSize is the size of the disk on which a run's files come to dom0. It
// is a part of the saved state.
const payloadSize = 512 << 20

// A machine is what QEMU emulates: Xen, its dom0, and a disk for files.
type machine struct {
	dir   string // with xen, kernel, initramfs and payload
	cache string
}

// args is QEMU's command line.
//
// The processor is an AMD with SVM and nested paging, which QEMU emulates, and
// without what gets into the way of that. Idling by MWAIT or by C-states makes
// an emulated Xen late. Xen must not switch vector registers lazily: it relies
// on exceptions that QEMU does not raise for XSAVE and XRSTOR, so that dom0's
// programs would see the registers of guests.
func (m *machine) args() []string {
	return []string{
		"-accel", "tcg", "-cpu", "EPYC,+svm,+npt,-smap,-monitor,-rdtscp", "-machine", "q35", "-m", "2560",
		"-display", "none", "-nodefaults", "-no-user-config", "-no-reboot",
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-drive", "if=none,id=payload,format=raw,readonly=on,file=payload", "-device", "virtio-blk-pci,drive=payload",
		"-kernel", "xen", "-append", "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning dom0_mem=1280M,max:1280M cpuidle=0 mwait-idle=0 spec-ctrl=eager-fpu",
		"-initrd", "kernel console=hvc0 rdinit=/init loglevel=4,initramfs",
	}
}

const qemu = "qemu-system-x86_64"

func (m *machine) version() (string, error) {
	out, err := exec.Command(qemu, "--version").Output()
	return string(out), err
}

// writePayload writes the disk: an archive of files.
func (m *machine) writePayload(files map[string][]byte) error {
	f, err := os.Create(filepath.Join(m.dir, "payload"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	for name, data := range files {
		r := cpio.StaticRecord(data, cpio.Info{Name: name, Mode: cpio.S_IFREG | 0o755})
		err = errors.Join(err, w.WriteRecord(r))
	}
	err = errors.Join(err, cpio.WriteTrailer(w))
	if b.Len() > payloadSize {
		err = errors.Join(err, fmt.Errorf("files of %d bytes: %d fit", b.Len(), payloadSize))
	}
	_, werr := f.Write(b.Bytes())
	return errors.Join(err, werr, f.Truncate(payloadSize), f.Close())
}

// run lets the machine of a saved state go on with files, and returns what it
// said until dom0 was done with the script among them.
func (m *machine) run(ctx context.Context, state string, files map[string][]byte) (string, error) {
	if err := m.writePayload(files); err != nil {
		return "", err
	}
	p, err := m.start(ctx, "-incoming", "exec:cat "+state)
	if err != nil {
		return "", err
	}
	defer p.kill()
	if err := p.wake(); err != nil {
		return "", err
	}
	said, err := p.until(doneLine)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return said, fmt.Errorf("dom0 did not come to the end of the script: %w", err)
	}
	return said, nil
}

// A process is a QEMU that runs, at its console.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	stderr bytes.Buffer
}

func (m *machine) start(ctx context.Context, extra ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, qemu, append(m.args(), extra...)...)}
	p.cmd.Dir, p.cmd.Stderr = m.dir, &p.stderr
	in, err1 := p.cmd.StdinPipe()
	out, err2 := p.cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewScanner(out)
	p.out.Buffer(nil, 1<<20)
	return p, p.cmd.Start()
}

// wake says to dom0 that it goes on, until it answers: what comes while QEMU
// still loads the state is lost.
func (p *process) wake() error {
	done := make(chan struct{})
	var typing sync.WaitGroup
	typing.Go(func() {
		for {
			io.WriteString(p.in, "go\r")
			select {
			case <-time.After(100 * time.Millisecond):
			case <-done:
				return
			}
		}
	})
	said, err := p.until(awakeLine)
	close(done)
	typing.Wait()
	if err != nil {
		err = fmt.Errorf("dom0 does not go on: %w\n%s", err, said)
	}
	return err
}

// until reads the console up to a line, and returns what came before.
func (p *process) until(line string) (string, error) {
	var said strings.Builder
	for p.out.Scan() {
		l := strings.ReplaceAll(p.out.Text(), "\r", "")
		if l == line {
			return said.String(), nil
		}
		said.WriteString(l + "\n")
	}
	p.kill()
	return said.String(), errors.Join(fmt.Errorf("QEMU ended: %s", bytes.TrimSpace(p.stderr.Bytes())), p.out.Err())
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}
