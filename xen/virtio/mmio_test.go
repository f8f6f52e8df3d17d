package virtio

import (
	"io"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
)

func TestMMIO(t *testing.T) {
	regs := shmtest.New(4096).At(shmtest.Base, MMIOSize)
	r, w := io.Pipe()
	if _, err := NewMMIO(regs, r); err == nil || !strings.Contains(err.Error(), "no device") {
		t.Errorf("without a device: %v", err)
	}
	regs.Store32(regMagic, mmioMagic)
	regs.Store32(regVersion, 1)
	if _, err := NewMMIO(regs, r); err == nil || !strings.Contains(err.Error(), "force-legacy") {
		t.Errorf("a legacy transport: %v", err)
	}
	regs.Store32(regVersion, mmioVersion)
	m, err := NewMMIO(regs, r)
	if err != nil {
		t.Fatal(err)
	}
	regs.Store32(regDeviceID, DeviceBlock)
	regs.Store32(regQueueMax, 128)
	copy(regs.Bytes[regConfig:], "configuration")
	m.SetQueue(1, 64, 0x1_0000_1000, 0x2000, 0x3000)
	m.Accept(0x1_8000_0000)
	m.SetStatus(7)
	m.Notify(3)
	regs.Store32(regInterruptStatus, 5)
	m.Acknowledge()
	if m.DeviceID() != DeviceBlock || m.MaxQueueSize(1) != 128 || m.Status() != 7 {
		t.Errorf("%d %d %d", m.DeviceID(), m.MaxQueueSize(1), m.Status())
	}
	for reg, want := range map[int]uint32{
		regQueueSelect: 1, regQueueSize: 64, regQueueDescriptors: 0x1000, regQueueDescriptors + 4: 1,
		regQueueDriver: 0x2000, regQueueDevice: 0x3000, regQueueReady: 1, regQueueNotify: 3,
		regDriverFeatureSel: 1, regDriverFeatures: 1, regInterruptAck: 5,
	} {
		if got := regs.Load32(reg); got != want {
			t.Errorf("register %#x is %#x, want %#x", reg, got, want)
		}
	}
	b := make([]byte, 6)
	if m.Config(3, b); string(b) != "figura" {
		t.Errorf("configuration %q", b)
	}
	if m.Config(0xfe, b); string(b) != "\x00\x00\x00\x00\x00\x00" {
		t.Errorf("configuration behind its end %q", b)
	}
	go w.Write(make([]byte, 8))
	if err := m.WaitInterrupt(); err != nil {
		t.Error(err)
	}
	if m.Close(); m.WaitInterrupt() == nil {
		t.Error("an interrupt came after Close")
	}
}
