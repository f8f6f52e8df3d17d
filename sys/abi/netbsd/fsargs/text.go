package fsargs

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// makers is every kind of file system by its type.
var makers = map[string]func() Args{}

func init() {
	for _, newArgs := range []func() Args{
		func() Args { return new(FFS) }, func() Args { return new(Ext2) }, func() Args { return new(LFS) },
		func() Args { return new(HFS) }, func() Args { return new(SysVBFS) }, func() Args { return new(MSDOS) },
		func() Args { return new(CD9660) }, func() Args { return new(UDF) }, func() Args { return new(NTFS) },
		func() Args { return new(V7FS) }, func() Args { return new(EFS) }, func() Args { return new(NILFS) },
		func() Args { return new(Tmpfs) }, func() Args { return new(Null) }, func() Args { return new(Overlay) },
		func() Args { return new(Union) }, func() Args { return new(PTYFS) }, func() Args { return new(Kernfs) },
		func() Args { return new(Procfs) }, func() Args { return new(Fdesc) },
	} {
		makers[newArgs().Type()] = newArgs
	}
}

// Types is the types of file systems that this package knows, by name.
func Types() []string { return slices.Sorted(maps.Keys(makers)) }

// Known reports whether this package knows a type.
func Known(fstype string) bool { return makers[fstype] != nil }

// New is the arguments of a type of file system. Source is its device, or the
// directory that a layer shows; it means nothing to those that have neither.
// Options are as mount(8) has them: "uid=1000,mask=0700,utf8", numbers in C's
// forms. An error says which names there are.
func New(fstype, source, options string) (Args, error) {
	newArgs := makers[fstype]
	if newArgs == nil {
		return nil, fmt.Errorf("unknown type of file system %q; there are %s", fstype, strings.Join(Types(), ", "))
	}
	args := newArgs()
	v := reflect.ValueOf(args).Elem()
	for _, name := range []string{"Device", "Target"} {
		if f := v.FieldByName(name); f.IsValid() {
			if source == "" {
				return nil, fmt.Errorf("a file system of type %s is mounted from a %s, of which none is named", fstype, strings.ToLower(name))
			}
			f.SetString(source)
		}
	}
	for option := range strings.SplitSeq(options, ",") {
		if option == "" {
			continue
		}
		if err := set(v, option); err != nil {
			return nil, fmt.Errorf("options of %s: %w", fstype, err)
		}
	}
	return args, nil
}

// set sets the member that an option is about.
func set(v reflect.Value, option string) error {
	name, value, hasValue := strings.Cut(option, "=")
	var known []string
	for sf, f := range v.Fields() {
		if !sf.IsExported() || sf.Tag.Get("opt") == "-" {
			continue
		}
		if flags := sf.Tag.Get("opt"); strings.Contains(flags, "=") {
			names, done := setFlag(f, flags, name)
			if done && !hasValue {
				return nil
			}
			known = append(known, names...)
			continue
		}
		key := cmp.Or(sf.Tag.Get("opt"), strings.ToLower(sf.Name))
		known = append(known, key+"=NUMBER")
		if key == name {
			return setNumber(f, option, value)
		}
	}
	if len(known) == 0 {
		return fmt.Errorf("%q: it has none", option)
	}
	return fmt.Errorf("unknown %q; there are %s", option, strings.Join(known, ", "))
}

// setFlag sets the flag of that name, if it is one of flags: "name=bit,…".
func setFlag(f reflect.Value, flags, name string) (known []string, done bool) {
	for flag := range strings.SplitSeq(flags, ",") {
		n, bit, _ := strings.Cut(flag, "=")
		known = append(known, n)
		if n != name {
			continue
		}
		b, _ := strconv.ParseInt(bit, 10, 32)
		if f.CanInt() {
			f.SetInt(f.Int() | b)
		} else {
			f.SetUint(f.Uint() | uint64(b))
		}
		return nil, true
	}
	return known, false
}

func setNumber(f reflect.Value, option, value string) error {
	bits := f.Type().Bits()
	if f.CanInt() {
		n, err := strconv.ParseInt(value, 0, bits)
		if err != nil {
			return fmt.Errorf("%q has no number of %d bits: %w", option, bits, err.(*strconv.NumError).Err)
		}
		f.SetInt(n)
		return nil
	}
	n, err := strconv.ParseUint(value, 0, bits)
	if err != nil {
		return fmt.Errorf("%q has no number of %d bits: %w", option, bits, err.(*strconv.NumError).Err)
	}
	f.SetUint(n)
	return nil
}
