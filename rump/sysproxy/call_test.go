package sysproxy

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
)

// message is a Conn that has read the header of a message with b in it.
func message(b []byte) *Conn {
	var all [HeaderSize]byte
	(&Header{Length: HeaderSize + uint64(len(b)), Type: TypeCall}).put(all[:])
	c := stream(append(all[:], b...), 1<<40)
	if _, err := c.Next(); err != nil {
		panic(err)
	}
	return c
}

func readCall(b []byte) (*Call, error) {
	c := new(Call)
	return c, c.Read(message(b))
}

// sendmsg is a call with pointers in its memory.
var sendmsg = Call{
	Args:          [MaxArgs]uint64{3, 56, 0},
	Dirs:          [MaxArgs]Dir{0, In},
	Interruptible: true,
	Refs: []Ref{
		{Holder: 1, Dir: In, Off: 0, Len: 16},
		{Holder: 1, Dir: InOut, Off: 16, Len: 17},
		{Holder: MaxArgs + 1, Dir: Out, Off: 0, Len: 5},
	},
}

func TestCall(t *testing.T) {
	b := sendmsg.Append(nil)
	if len(b) != sendmsg.Size() {
		t.Errorf("%d bytes, and Size says %d", len(b), sendmsg.Size())
	}
	got, err := readCall(b)
	if err != nil || !reflect.DeepEqual(*got, sendmsg) {
		t.Fatalf("call %+v, %v, want %+v", got, err, sendmsg)
	}
	area, in, out, err := got.Sizes(1 << 20)
	if area != 64+16+32+16 || in != 56+16+17 || out != 17+5 || err != nil {
		t.Errorf("an area of %d, %d in, %d out, %v", area, in, out, err)
	}
	var pieces []Piece
	for p := range got.Pieces {
		pieces = append(pieces, p)
	}
	want := []Piece{{1, In, 0, 56}, {MaxArgs, In, 64, 80}, {MaxArgs + 1, InOut, 80, 97}, {MaxArgs + 2, Out, 112, 117}}
	if !reflect.DeepEqual(pieces, want) {
		t.Errorf("pieces %v, want %v", pieces, want)
	}
	if _, _, _, err := got.Sizes(area); err != nil {
		t.Errorf("an area of exactly so much: %v", err)
	}
	if _, _, _, err := got.Sizes(area - 1); err != ErrNoMemory {
		t.Errorf("an area of less: %v", err)
	}
}

func TestCallRefuses(t *testing.T) {
	manyRefs := Call{Dirs: [MaxArgs]Dir{In}}
	for range MaxRefs + 1 {
		manyRefs.Refs = append(manyRefs.Refs, Ref{Dir: In})
	}
	damaged := func(at int, with byte) []byte {
		b := sendmsg.Append(nil)
		b[at] = with
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":                  nil,
		"a part":                   sendmsg.Append(nil)[:callSize-1],
		"less than its refs":       sendmsg.Append(nil)[:callSize+2*refSize+15],
		"flags that nobody knows":  damaged(64+3, 1),
		"more refs than it has":    damaged(68, 4),
		"too many refs":            manyRefs.Append(nil),
		"a ref without direction":  damaged(callSize+2, 0),
		"a ref of a wrong one":     damaged(callSize+2, 4),
		"a ref in itself":          damaged(callSize, MaxArgs),
		"a ref in a later one":     damaged(callSize+refSize, MaxArgs+2),
		"a ref in none":            damaged(callSize+1, 0xff),
		"as many refs as fit in 4": append(damaged(68, 0xff)[:69], 0xff, 0xff, 0xff),
	} {
		if c, err := readCall(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("a call of %s: %+v, %v", name, c, err)
		}
	}
}

func TestCallThatIsTooLarge(t *testing.T) {
	for name, c := range map[string]Call{
		"an argument":          {Args: [MaxArgs]uint64{math.MaxUint64}, Dirs: [MaxArgs]Dir{In}},
		"arguments that wrap":  {Args: [MaxArgs]uint64{1 << 63, 1 << 63}, Dirs: [MaxArgs]Dir{In, Out}},
		"a sum":                {Args: [MaxArgs]uint64{1 << 19, 1<<19 + 1}, Dirs: [MaxArgs]Dir{In, Out}},
		"a ref":                {Refs: []Ref{{Dir: In, Len: math.MaxUint64 - 7}}},
		"what alignment makes": {Args: [MaxArgs]uint64{1<<20 - 1, 1}, Dirs: [MaxArgs]Dir{In, In}},
	} {
		if _, _, _, err := c.Sizes(1 << 20); err != ErrNoMemory {
			t.Errorf("%s: %v", name, err)
		}
	}
	huge := Call{Args: [MaxArgs]uint64{1 << 32}, Dirs: [MaxArgs]Dir{In}}
	if _, _, _, err := huge.Sizes(math.MaxInt); err != ErrNoMemory {
		t.Errorf("more than a count can say: %v", err)
	}
}

func FuzzCall(f *testing.F) {
	f.Add(sendmsg.Append(nil), 1<<20)
	f.Add((&Call{}).Append(nil), 0)
	f.Add((&Call{Args: [MaxArgs]uint64{1 << 63, 1 << 63}, Dirs: [MaxArgs]Dir{In, Out}}).Append(nil), math.MaxInt)
	f.Fuzz(func(t *testing.T, b []byte, most int) {
		c, err := readCall(b)
		if err != nil || most < 0 {
			return
		}
		if again := c.Append(nil); len(again) != c.Size() || !bytes.Equal(again[:64], b[:64]) || !bytes.Equal(again[68:], b[68:len(again)]) {
			t.Fatalf("%x is written as %x", b, again)
		}
		area, in, out, err := c.Sizes(most)
		if err != nil {
			return
		}
		end, ins, outs := 0, 0, 0
		for p := range c.Pieces {
			if p.Off < end || p.Off%align != 0 || p.End < p.Off || p.End > area {
				t.Fatalf("the piece %+v in an area of %d, behind %d", p, area, end)
			}
			end = p.End
			if p.Dir&In != 0 {
				ins += p.End - p.Off
			}
			if p.Dir&Out != 0 {
				outs += p.End - p.Off
			}
		}
		if area > most || ins != in || outs != out {
			t.Fatalf("an area of %d of %d, %d of %d in, %d of %d out", area, most, ins, in, outs, out)
		}
	})
}
