package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/anykernel/anykernel/xen/shim"
)

// An Accelerator is a way to run a guest's instructions.
type Accelerator struct {
	Name string // as QEMU has it
	Err  error  // why it does not work here; nil: it does
}

// Accelerators tells which accelerators work here, the best first, by starting
// a guest that ends at once: a /dev/kvm that is there, but inside of another
// guest, need not run one. The QEMU that c names is asked; nothing else of c
// matters. The answer is remembered.
func Accelerators(ctx context.Context, c Config) ([]Accelerator, error) {
	qemu, err := c.findQEMU()
	if err != nil {
		return nil, err
	}
	return probed(ctx, qemu)
}

func (c *Config) chooseAccel(ctx context.Context, qemu string) (string, error) {
	if c.Accel != "" {
		if c.Accel != "kvm" && c.Accel != "tcg" {
			return "", fmt.Errorf("accelerator %q: want kvm or tcg", c.Accel)
		}
		return c.Accel, nil
	}
	all, err := probed(ctx, qemu)
	if err != nil {
		return "", err
	}
	var reasons []error
	for _, a := range all {
		if a.Err == nil {
			return a.Name, nil
		}
		reasons = append(reasons, fmt.Errorf("%s: %w", a.Name, a.Err))
		c.logger().Info("accelerator does not work here", "accelerator", a.Name, "error", a.Err)
	}
	return "", errors.Join(reasons...)
}

var probes struct {
	sync.Mutex
	m map[string][]Accelerator
}

func probed(ctx context.Context, qemu string) ([]Accelerator, error) {
	probes.Lock()
	defer probes.Unlock()
	if a, ok := probes.m[qemu]; ok {
		return a, nil
	}
	a := []Accelerator{{Name: "kvm", Err: probeKVM(ctx, qemu)}, {Name: "tcg"}}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if probes.m == nil {
		probes.m = map[string][]Accelerator{}
	}
	probes.m[qemu] = a
	return a, nil
}

// probeTime is how long the guest of a probe may take. With an accelerator
// that works it takes a tenth of a second.
const probeTime = 5 * time.Second

func probeKVM(ctx context.Context, qemu string) error {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	f.Close()
	return probe(ctx, qemu, "kvm")
}

// probe starts the shim with no program: it says so, and ends.
func probe(ctx context.Context, qemu, accel string) error {
	dir, err := os.MkdirTemp("", "anykernel-probe")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := Config{Image: filepath.Join(dir, "shim"), MemoryMiB: 16}
	if err := os.WriteFile(c.Image, shim.Bytes(), 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	g, err := start(ctx, c, qemu, accel)
	if err != nil {
		return err
	}
	status, err := g.Wait()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("a guest started with it hangs")
	case err != nil:
		return err
	case status != StatusRefused:
		return fmt.Errorf("a guest started with it fails with status %d", status)
	}
	return nil
}
