package ring_test

import (
	"testing"

	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
	"github.com/anykernel/anykernel/xen/ring"
	"github.com/anykernel/anykernel/xen/ring/ringtest"
)

func TestRing(t *testing.T) {
	page := shmtest.New(4096).At(shmtest.Base, 4096)
	f := ring.New(page, 12)
	b := ringtest.NewBack(page, 12)
	if f.Size() != 256 {
		t.Fatalf("%d entries of 12 bytes in a page, want 256", f.Size())
	}
	next, got := uint32(0), uint32(0)
	for round := range 2000 {
		for range round % 7 {
			if f.Full() {
				break
			}
			f.Request().Store32(0, next)
			next++
		}
		f.Publish()
		for range round % 5 {
			r, ok := b.Request()
			if !ok {
				break
			}
			v := r.Load32(0)
			b.Response().Store32(0, v)
		}
		b.Publish()
		for {
			r, ok, err := f.Response()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if r.Load32(0) != got {
				t.Fatalf("response %d, want %d", r.Load32(0), got)
			}
			got++
		}
	}
	if got == 0 || next-got > 256 {
		t.Errorf("%d requests, %d responses", next, got)
	}
}

func TestNotification(t *testing.T) {
	page := shmtest.New(4096).At(shmtest.Base, 4096)
	f, b := ring.New(page, 12), ringtest.NewBack(page, 12)
	f.Request()
	if !f.Publish() {
		t.Error("an idle back end does not want to know of a request")
	}
	f.Request()
	if f.Publish() {
		t.Error("a busy back end is notified")
	}
	b.Request()
	b.Response()
	b.Publish()
	if !f.WantResponses() {
		t.Error("a response that is there is missed")
	}
	f.Response()
	if f.WantResponses() {
		t.Error("a response that is not there is seen")
	}
}

// FuzzBackend: whatever index a back end claims, there are never more
// responses than requests.
func FuzzBackend(f *testing.F) {
	f.Add(uint32(3), uint32(1))
	f.Add(uint32(0), uint32(0xffffffff))
	f.Fuzz(func(t *testing.T, requests, claim uint32) {
		page := shmtest.New(4096).At(shmtest.Base, 4096)
		fr, b := ring.New(page, 8), ringtest.NewBack(page, 8)
		made := 0
		for range requests % 600 {
			if !fr.Full() {
				fr.Request()
				made++
			}
		}
		fr.Publish()
		b.Claim(claim)
		for got := 0; ; got++ {
			_, ok, err := fr.Response()
			if !ok || err != nil {
				return
			}
			if got >= made {
				t.Fatalf("response %d of %d", got+1, made)
			}
		}
	})
}
