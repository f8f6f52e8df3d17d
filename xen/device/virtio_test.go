package device

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/xen/guest"
)

func TestParseTransports(t *testing.T) {
	got, err := parseTransports("quiet virtio_mmio.device=512@0xfeb00000:5 x=y virtio_mmio.device=1K@0xfeb00200:6:0 -- virtio_mmio.device=junk")
	want := []transport{{0xfeb00200, 512, 6}, {0xfeb00000, 512, 5}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, s := range []string{"", "512", "512@0x1000", "x@0x1000:5", "512@x:5", "512@0x1000:x", "512@0x1000:256", "511@0x1000:5", "512@0x1001:5", "512@0x10000000000000000:5"} {
		if _, err := parseTransports("virtio_mmio.device=" + s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
	if _, err := parseTransports(strings.Repeat("virtio_mmio.device=512@0x1000:5 ", maxTransports+1)); err == nil {
		t.Error("any number of devices is accepted")
	}
}

func TestOpenOutsideOfAGuest(t *testing.T) {
	if _, err := Open(); !errors.Is(err, guest.ErrNotGuest) {
		t.Errorf("%v, want ErrNotGuest", err)
	}
	var none Set
	if _, err := none.NIC(0); err == nil || !strings.Contains(err.Error(), "--net") {
		t.Error(err)
	}
	if _, err := none.Disk(-1); err == nil || !strings.Contains(err.Error(), "--disk") {
		t.Error(err)
	}
}

func FuzzParseTransports(f *testing.F) {
	f.Add("virtio_mmio.device=512@0xfeb00000:5 -- x")
	f.Fuzz(func(t *testing.T, line string) { parseTransports(line) })
}
