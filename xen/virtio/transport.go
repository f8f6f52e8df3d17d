package virtio

import (
	"fmt"
)

// A Transport is how a driver reaches one device's registers (section 4).
type Transport interface {
	// DeviceID says what the device is, 0: there is none.
	DeviceID() uint32
	// Features is what the device offers, Accept what the driver takes of it.
	Features() uint64
	Accept(features uint64)
	// Status is the device's status, whose bits the driver adds to.
	Status() uint8
	SetStatus(uint8)
	// MaxQueueSize is how many descriptors a queue may have, 0: no such queue.
	MaxQueueSize(queue int) int
	// SetQueue tells the device where the three parts of a queue are.
	SetQueue(queue, size int, descriptors, driver, device uint64)
	// Notify tells the device to look at a queue.
	Notify(queue int)
	// Config reads the device's own configuration at an offset. It is all
	// zero behind its end.
	Config(off int, b []byte)
	// Acknowledge takes the interrupt's cause away.
	Acknowledge()
	// WaitInterrupt waits for the next interrupt; an error ends the driver.
	WaitInterrupt() error
	// Close lets WaitInterrupt fail.
	Close() error
}

// Device IDs (section 5).
const (
	DeviceNetwork = 1
	DeviceBlock   = 2
	DeviceEntropy = 4
)

// Status bits (section 2.1).
const (
	statusAcknowledge = 1
	statusDriver      = 2
	statusDriverOK    = 4
	statusFeaturesOK  = 8
	statusFailed      = 128
)

// featureVersion1 says that a device is not a "legacy" one (section 6).
const featureVersion1 = 1 << 32

// A BrokenError says that a device broke the rules and is not used any more.
type BrokenError struct {
	Device string // such as "virtio-net"
	Reason string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s: the device is broken: %s", e.Device, e.Reason)
}

// negotiate resets a device and agrees on features (section 3.1.1): those of
// wanted that it offers. The driver sets up queues next, and calls ready.
func negotiate(t Transport, wanted uint64) (uint64, error) {
	t.SetStatus(0)
	t.SetStatus(statusAcknowledge)
	t.SetStatus(statusAcknowledge | statusDriver)
	offered := t.Features()
	if offered&featureVersion1 == 0 {
		t.SetStatus(statusFailed)
		return 0, fmt.Errorf("the device speaks the legacy version of virtio only")
	}
	accepted := offered & (wanted | featureVersion1)
	t.Accept(accepted)
	t.SetStatus(t.Status() | statusFeaturesOK)
	if t.Status()&statusFeaturesOK == 0 {
		t.SetStatus(statusFailed)
		return 0, fmt.Errorf("the device does not accept the features %#x", accepted)
	}
	return accepted, nil
}

func ready(t Transport) { t.SetStatus(t.Status() | statusDriverOK) }
