package virtio

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

// Registers of a device over MMIO (section 4.2.2).
const (
	regMagic            = 0x000
	regVersion          = 0x004
	regDeviceID         = 0x008
	regDeviceFeatures   = 0x010
	regDeviceFeatureSel = 0x014
	regDriverFeatures   = 0x020
	regDriverFeatureSel = 0x024
	regQueueSelect      = 0x030
	regQueueMax         = 0x034
	regQueueSize        = 0x038
	regQueueReady       = 0x044
	regQueueNotify      = 0x050
	regInterruptStatus  = 0x060
	regInterruptAck     = 0x064
	regStatus           = 0x070
	regQueueDescriptors = 0x080
	regQueueDriver      = 0x090
	regQueueDevice      = 0x0a0
	regConfig           = 0x100

	mmioMagic   = 0x74726976 // "virt"
	mmioVersion = 2

	// MMIOSize is the size of a device's registers, in bytes.
	MMIOSize = 0x200
)

// MMIO is a [Transport] over registers in memory.
type MMIO struct {
	regs      shm.Region
	interrupt io.ReadCloser
}

// NewMMIO is a transport over a device's registers, [MMIOSize] bytes of them.
// interrupt is read 8 bytes at a time, and gives them when the device has
// interrupted; it belongs to the transport. A transport that has no device is
// one whose DeviceID is 0.
func NewMMIO(regs shm.Region, interrupt io.ReadCloser) (*MMIO, error) {
	m := &MMIO{regs, interrupt}
	if magic := regs.Load32(regMagic); magic != mmioMagic {
		return nil, fmt.Errorf("virtio at %#x: no device there (its magic is %#x)", regs.Address, magic)
	}
	if v := regs.Load32(regVersion); v != mmioVersion {
		return nil, fmt.Errorf("virtio at %#x: the transport is of version %d, want %d (QEMU: -global virtio-mmio.force-legacy=false)", regs.Address, v, mmioVersion)
	}
	return m, nil
}

func (m *MMIO) DeviceID() uint32 { return m.regs.Load32(regDeviceID) }

func (m *MMIO) Features() uint64 {
	m.regs.Store32(regDeviceFeatureSel, 0)
	low := m.regs.Load32(regDeviceFeatures)
	m.regs.Store32(regDeviceFeatureSel, 1)
	return uint64(low) | uint64(m.regs.Load32(regDeviceFeatures))<<32
}

func (m *MMIO) Accept(features uint64) {
	m.regs.Store32(regDriverFeatureSel, 0)
	m.regs.Store32(regDriverFeatures, uint32(features))
	m.regs.Store32(regDriverFeatureSel, 1)
	m.regs.Store32(regDriverFeatures, uint32(features>>32))
}

func (m *MMIO) Status() uint8     { return uint8(m.regs.Load32(regStatus)) }
func (m *MMIO) SetStatus(s uint8) { m.regs.Store32(regStatus, uint32(s)) }
func (m *MMIO) Notify(queue int)  { m.regs.Store32(regQueueNotify, uint32(queue)) }

func (m *MMIO) MaxQueueSize(queue int) int {
	m.regs.Store32(regQueueSelect, uint32(queue))
	return int(m.regs.Load32(regQueueMax))
}

func (m *MMIO) SetQueue(queue, size int, descriptors, driver, device uint64) {
	m.regs.Store32(regQueueSelect, uint32(queue))
	m.regs.Store32(regQueueSize, uint32(size))
	m.store64(regQueueDescriptors, descriptors)
	m.store64(regQueueDriver, driver)
	m.store64(regQueueDevice, device)
	m.regs.Store32(regQueueReady, 1)
}

func (m *MMIO) store64(reg int, v uint64) {
	m.regs.Store32(reg, uint32(v))
	m.regs.Store32(reg+4, uint32(v>>32))
}

func (m *MMIO) Config(off int, b []byte) {
	for i := range b {
		b[i] = 0
		if at := regConfig + off + i; at < len(m.regs.Bytes) {
			var w [4]byte
			binary.LittleEndian.PutUint32(w[:], m.regs.Load32(at&^3))
			b[i] = w[at&3]
		}
	}
}

func (m *MMIO) Acknowledge() {
	m.regs.Store32(regInterruptAck, m.regs.Load32(regInterruptStatus))
}

func (m *MMIO) WaitInterrupt() error {
	var count [8]byte
	_, err := io.ReadFull(m.interrupt, count[:])
	return err
}

func (m *MMIO) Close() error { return m.interrupt.Close() }
