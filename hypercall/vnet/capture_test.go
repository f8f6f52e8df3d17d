package vnet_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"github.com/anykernel/anykernel/hypercall/vnet"
)

// captured is a file of three frames: one arrives, one is lost, one corrupted.
func captured(t *testing.T) []byte {
	w := newWorld(t, 3)
	a, b := w.station("a"), w.station("b")
	l := w.join(a, b, "")
	var file bytes.Buffer
	c := l.Capture(&file)
	a.send(b.HardwareAddr(), "one")
	w.clock.at += 1500 * time.Millisecond
	must(t, l.Set(vnet.Conditions{Loss: 1}))
	b.send(a.HardwareAddr(), "two")
	must(t, l.Set(vnet.Conditions{Corrupt: 1, Duplicate: 1}))
	a.send(b.HardwareAddr(), "three")
	w.run()
	must(t, c.Close())
	a.send(b.HardwareAddr(), "not recorded")
	if err := c.Close(); err == nil {
		t.Error("a capture closed twice")
	}
	return file.Bytes()
}

func TestCapture(t *testing.T) {
	r := get[*pcapgo.NgReader](t)(pcapgo.NewNgReader(bytes.NewReader(captured(t)), pcapgo.DefaultNgReaderOptions))
	for _, want := range []struct {
		way, payload, comment string
		at                    time.Duration
	}{
		{"a>b", "one", "", 0},
		{"b>a", "two", "lost", 1500 * time.Millisecond},
		{"a>b", "three", "duplicated, corrupted: bit ", 1500 * time.Millisecond},
	} {
		data, info, options, err := r.ReadPacketDataWithOptions()
		must(t, err)
		iface := get[pcapgo.NgInterface](t)(r.Interface(info.InterfaceIndex))
		if got := strings.Join(options.Comments, ";"); iface.Name != want.way || string(data[14:]) != want.payload ||
			!strings.HasPrefix(got, want.comment) || (got == "") != (want.comment == "") || info.Timestamp.Sub(time.Unix(1e9, 0)) != want.at {
			t.Errorf("%s %q %q at %v, want %+v", iface.Name, data[14:], got, info.Timestamp.UTC(), want)
		}
	}
	if _, _, err := r.ReadPacketData(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last packet: %v", err)
	}
}

// TestWireshark has tshark read a capture, where that is installed.
func TestWireshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not here (remedy: apt-get install tshark)")
	}
	file := filepath.Join(t.TempDir(), "link.pcapng")
	must(t, os.WriteFile(file, captured(t), 0o600))
	out, err := exec.Command(tshark, "-r", file, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment", "-e", "frame.time_relative").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 3 || lines[0] != "a>b\t\t0.000000000" || lines[1] != "b>a\tlost\t1.500000000" || !strings.HasPrefix(lines[2], "a>b\tduplicated, corrupted: bit ") {
		t.Errorf("tshark reads %q", lines)
	}
}

// full is a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestCaptureFails(t *testing.T) {
	w := newWorld(t, 1)
	a, b := w.station("a"), w.station("b")
	w.join(a, b, "")
	c := w.Capture(full{})
	a.send(b.HardwareAddr(), strings.Repeat("x", 10000))
	w.run()
	b.take()
	if err := c.Close(); err == nil || err.Error() != "no room" {
		t.Errorf("close: %v, want the error of writing", err)
	}
	var empty bytes.Buffer
	must(t, w.Capture(&empty).Close())
	if _, err := pcapgo.NewNgReader(&empty, pcapgo.DefaultNgReaderOptions); err != nil {
		t.Errorf("a capture without frames: %v", err)
	}
}
