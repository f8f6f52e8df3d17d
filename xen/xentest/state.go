package xentest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"
)

// What dom0 says when it waits for a script, and when it goes on with one.
const (
	readyLine = "dom0 is ready"
	awakeLine = "dom0 goes on"
)

// savedState is a file with the state of a machine whose dom0 is ready, for
// [machine.run]. It is made when it is not in the cache, or when what it would
// be made of has changed.
//
// The state is QEMU's migration stream: the machine that stops here goes on in
// every run.
func savedState(ctx context.Context, m *machine) (string, error) {
	sum, err := m.sum()
	if err != nil {
		return "", err
	}
	name := filepath.Join(m.cache, "state-"+sum)
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	old, err := filepath.Glob(filepath.Join(m.cache, "state-*"))
	if err != nil {
		return "", err
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return "", err
		}
	}
	return name, m.save(ctx, name)
}

// sum is what a saved state depends on.
func (m *machine) sum() (string, error) {
	h := sha256.New()
	version, err := m.version()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%s\n%q\n", version, m.args())
	for _, name := range []string{"xen", "kernel", "initramfs"} {
		f, err := os.Open(filepath.Join(m.dir, name))
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

// save boots the machine until dom0 is ready, and writes its state to a file.
func (m *machine) save(ctx context.Context, name string) error {
	if err := m.writePayload(nil); err != nil {
		return err
	}
	monitor := filepath.Join(m.dir, "monitor")
	p, err := m.start(ctx, "-global", "migration.store-global-state=off", "-chardev", "socket,id=monitor,server=on,wait=off,path="+monitor, "-mon", "chardev=monitor")
	if err != nil {
		return err
	}
	defer p.kill()
	if said, err := p.until(readyLine); err != nil {
		return fmt.Errorf("dom0 did not start: %w\n%s", err, said)
	}
	time.Sleep(time.Second) // it has to be at rest, waiting for its console
	conn, err := net.Dial("unix", monitor)
	if err != nil {
		return err
	}
	defer conn.Close()
	// It is stopped: QEMU's emulation does not see every page that a machine
	// writes meanwhile. That it was is not stored, or it would not go on. The
	// file must not be there before it is whole.
	if _, err := fmt.Fprintf(conn, "stop\nmigrate \"exec:cat >state && mv state saved\"\nquit\n"); err != nil {
		return err
	}
	io.Copy(io.Discard, conn) // until QEMU ends
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("QEMU did not save its state: %w", err)
	}
	return moveFile(filepath.Join(m.dir, "saved"), name)
}

// moveFile moves a file to another folder, whose file system may be another.
func moveFile(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	part := to + ".part"
	dst, err := os.Create(part)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, to)
}
