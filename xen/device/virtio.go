package device

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/xen/guest"
	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/virtio"
)

var (
	_ NIC  = (*virtio.Net)(nil)
	_ Disk = (*virtio.Blk)(nil)
)

// A transport is where the command line says that a virtio device may be.
type transport struct {
	base uint64
	size int
	line int
}

const (
	maxTransports = 32
)

// parseTransports finds the words virtio_mmio.device=SIZE@BASE:LINE, in the
// form of Linux's driver (its admin-guide/kernel-parameters).
func parseTransports(commandLine string) ([]transport, error) {
	var all []transport
	for word := range strings.FieldsSeq(commandLine) {
		if word == "--" {
			break
		}
		value, ok := strings.CutPrefix(word, "virtio_mmio.device=")
		if !ok {
			continue
		}
		t, err := parseTransport(value)
		if err != nil {
			return nil, fmt.Errorf("virtio_mmio.device=%s: %w", value, err)
		}
		if len(all) == maxTransports {
			return nil, fmt.Errorf("more than %d virtio_mmio.device", maxTransports)
		}
		all = append(all, t)
	}
	// Instances are handed out from the highest address down.
	slices.SortStableFunc(all, func(a, b transport) int { return -compare(a.base, b.base) })
	return all, nil
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func parseTransport(s string) (transport, error) {
	size, rest, ok1 := strings.Cut(s, "@")
	base, line, ok2 := strings.Cut(rest, ":")
	line, _, _ = strings.Cut(line, ":") // an id may follow, for people
	if !ok1 || !ok2 {
		return transport{}, errors.New("want SIZE@BASE:LINE")
	}
	factor := 1
	if s, ok := strings.CutSuffix(size, "K"); ok {
		size, factor = s, 1024
	}
	n, err1 := strconv.ParseUint(size, 0, 16)
	b, err2 := strconv.ParseUint(base, 0, 52)
	l, err3 := strconv.ParseUint(line, 0, 8)
	if err := errors.Join(err1, err2, err3); err != nil {
		return transport{}, err
	}
	if int(n)*factor < virtio.MMIOSize || b%4 != 0 {
		return transport{}, fmt.Errorf("want at least %d bytes at a multiple of 4", virtio.MMIOSize)
	}
	return transport{b, virtio.MMIOSize, int(l)}, nil
}

func (s *Set) openVirtio(commandLine string) error {
	transports, err := parseTransports(commandLine)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range transports {
		if err := s.openTransport(t); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Set) openTransport(t transport) error {
	regs, err := guest.Map(t.base, t.size, false)
	if err != nil {
		return err
	}
	// The interrupt is bound when there is a device to wait for.
	probe, err := virtio.NewMMIO(regs, nil)
	if err != nil || probe.DeviceID() == 0 || probe.DeviceID() == virtio.DeviceEntropy {
		return err // the shim alone uses what gives it its seed
	}
	interrupt, _, err := guest.Interrupt(t.line)
	if err != nil {
		return err
	}
	m, err := virtio.NewMMIO(regs, interrupt)
	if err == nil {
		err = s.start(m, guest.Memory{})
	}
	if err != nil {
		interrupt.Close()
	}
	return err
}

// start starts the driver of a device.
func (s *Set) start(t virtio.Transport, mem shm.Allocator) error {
	switch id := t.DeviceID(); id {
	case virtio.DeviceNetwork:
		n, err := virtio.NewNet(t, mem)
		if err != nil {
			return err
		}
		s.NICs = append(s.NICs, n)
	case virtio.DeviceBlock:
		b, err := virtio.NewBlk(t, mem)
		if err != nil {
			return err
		}
		s.Disks = append(s.Disks, b)
	default:
		return fmt.Errorf("virtio device %d has no driver here", id)
	}
	return nil
}
