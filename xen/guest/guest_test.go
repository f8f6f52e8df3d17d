package guest

import (
	"errors"
	"testing"
)

// On any other system, everything says what is missing.
func TestOutsideOfAGuest(t *testing.T) {
	if Present() || OnXen() {
		t.Fatal("this is no guest")
	}
	_, err1 := Memory{}.Alloc(4096)
	_, err2 := Map(0xfee00000, 4096, false)
	_, _, err3 := Interrupt(Message)
	_, err4 := Hypercall(17)
	_, err5 := PortRead(0x3f8, 1)
	_, err6 := SharedInfo()
	for i, err := range []error{err6, err1, err2, err3, err4, err5, PortWrite(0x3f8, 1, 0)} {
		if !errors.Is(err, ErrNotGuest) {
			t.Errorf("%d: %v, want ErrNotGuest", i, err)
		}
	}
}
