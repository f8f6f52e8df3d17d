package fsargs

import (
	"reflect"

	"github.com/anykernel/anykernel/sys/abi"
)

// A Pointer is a pointer in a structure, to text with a NUL behind it.
type Pointer struct {
	Offset int // in the structure, in bytes
	Text   []byte
}

// Encode is the structure of args in a's layout, with null where a pointer
// stands, and what the pointers point to. Members that are left at zero have
// the values that mount(8) gives them.
func Encode(a *abi.ABI, args Args) ([]byte, []Pointer) {
	if f, ok := args.(interface{ filled() Args }); ok {
		args = f.filled()
	}
	e := encoder{abi: a}
	e.align(e.value(reflect.ValueOf(args).Elem()))
	return e.b, e.pointers
}

// An encoder lays out members one behind the other, each at the alignment that
// it has in C.
type encoder struct {
	abi      *abi.ABI
	b        []byte
	pointers []Pointer
}

var (
	nullType  = reflect.TypeFor[null]()
	ulongType = reflect.TypeFor[NTFSFlags]()
)

// value appends v and returns its alignment.
func (e *encoder) value(v reflect.Value) int {
	switch v.Type() {
	case nullType:
		return e.put(0, e.abi.PointerSize)
	case ulongType:
		return e.put(v.Uint(), e.abi.PointerSize)
	}
	switch v.Kind() {
	case reflect.String:
		n := e.put(0, e.abi.PointerSize)
		e.pointers = append(e.pointers, Pointer{len(e.b) - n, append([]byte(v.String()), 0)})
		return n
	case reflect.Struct:
		return e.members(v)
	case reflect.Array:
		most := 1
		for i := range v.Len() {
			most = e.value(v.Index(i))
		}
		return most
	case reflect.Int32, reflect.Int64:
		return e.put(uint64(v.Int()), v.Type().Align())
	default:
		return e.put(v.Uint(), v.Type().Align())
	}
}

func (e *encoder) members(v reflect.Value) int {
	most := 1
	for _, f := range v.Fields() {
		most = max(most, e.value(f))
	}
	e.align(most)
	return most
}

// put appends a number of size bytes.
func (e *encoder) put(n uint64, size int) int {
	// A machine of 32 bits aligns 64-bit numbers to its words on i386 alone.
	align := size
	if size > e.abi.PointerSize && e.abi.Arch == "386" {
		align = e.abi.PointerSize
	}
	e.align(align)
	e.b = append(e.b, make([]byte, size)...)
	abi.Field{Offset: len(e.b) - size, Size: size}.PutUint(e.b, e.abi.Order, n&(1<<(8*size-1)<<1-1))
	return align
}

func (e *encoder) align(n int) {
	for len(e.b)%n != 0 {
		e.b = append(e.b, 0)
	}
}

// or is v, or what stands for zero.
func or(v *uint32, otherwise uint32) {
	if *v == 0 {
		*v = otherwise
	}
}

func (m *MSDOS) filled() Args {
	f := *m
	f.version, f.Flags = msdosVersion, f.Flags|msdosVersioned
	or(&f.Mask, defaultMask)
	or(&f.DirMask, f.Mask)
	return &f
}

func (u *UDF) filled() Args {
	f := *u
	f.version = udfVersion
	return &f
}

func (n *NTFS) filled() Args {
	f := *n
	or(&f.Mask, defaultMask)
	return &f
}

func (v *V7FS) filled() Args {
	f := *v
	if f.Endian == 0 {
		f.Endian = LittleEndian
	}
	return &f
}

func (n *NILFS) filled() Args {
	f := *n
	f.version = nilfsVersion
	return &f
}

func (t *Tmpfs) filled() Args {
	f := *t
	f.version = tmpfsVersion
	or(&f.Mode, defaultMode)
	return &f
}

func (u *Union) filled() Args {
	f := *u
	if f.Where == 0 {
		f.Where = UnionAbove
	}
	return &f
}

func (p *PTYFS) filled() Args {
	f := *p
	f.version = ptyfsVersion
	or(&f.Mode, 0o620)
	return &f
}
