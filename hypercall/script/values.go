package script

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"go.starlark.net/starlark"
	"golang.org/x/sys/unix"
)

// maxField bounds a text or bytes that a script gives to a kernel.
const maxField = 16 << 20

// toStarlark is the value of a field in the script. Bytes are copied: the
// kernel's memory is not the script's.
func (e *event) toStarlark(v any) (starlark.Value, error) {
	switch v := v.(type) {
	case bool:
		return starlark.Bool(v), nil
	case int64:
		return starlark.MakeInt64(v), nil
	case string:
		return starlark.String(v), nil
	case []byte:
		if err := e.run.take(len(v)); err != nil {
			return nil, err
		}
		return starlark.Bytes(v), nil
	}
	return nil, fmt.Errorf("a field of type %T", v)
}

// fromStarlark is a script's value for a field that has old now, or no value
// yet.
func fromStarlark(v starlark.Value, old any) (any, error) {
	var new any
	switch v := v.(type) {
	case starlark.Bool:
		new = bool(v)
	case starlark.Int:
		n, ok := v.Int64()
		if !ok {
			u, fits := v.Uint64()
			if !fits {
				return nil, fmt.Errorf("%s does not fit into 64 bits", v)
			}
			n = int64(u)
		}
		new = n
	case starlark.String:
		new = string(v)
		if _, bytes := old.([]byte); bytes {
			new = []byte(v)
		}
	case starlark.Bytes:
		new = []byte(v)
	default:
		return nil, fmt.Errorf("want a bool, an int, a string or bytes, not a %s", v.Type())
	}
	if old != nil && fmt.Sprintf("%T", old) != fmt.Sprintf("%T", new) {
		return nil, fmt.Errorf("a %s cannot be a %s", v.Type(), starlarkName(old))
	}
	if b, ok := new.([]byte); ok && len(b) > maxField {
		return nil, fmt.Errorf("%d bytes: a field has at most %d", len(b), maxField)
	}
	return new, nil
}

func starlarkName(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case int64:
		return "int"
	case []byte:
		return "bytes"
	}
	return "string"
}

// errnos is the host's error numbers by name.
var errnos = func() map[string]syscall.Errno {
	m := map[string]syscall.Errno{}
	for e := syscall.Errno(1); e < 256; e++ {
		if name := unix.ErrnoName(e); name != "" {
			m[name] = e
		}
	}
	return m
}()

func errorNamed(name string) (error, error) {
	if e, ok := errnos[name]; ok {
		return e, nil
	}
	return nil, fmt.Errorf("no error is called %q: it has a name such as EIO", name)
}

// errorName is the name of an error, or its text where it has none.
func errorName(err error) starlark.Value {
	var e syscall.Errno
	var named interface{ Name() string }
	switch {
	case err == nil:
		return starlark.None
	case errors.As(err, &e) && unix.ErrnoName(e) != "":
		return starlark.String(unix.ErrnoName(e))
	case errors.As(err, &named):
		return starlark.String(named.Name())
	case errors.Is(err, fs.ErrNotExist):
		return starlark.String("ENOENT")
	}
	return starlark.String(err.Error())
}

// A Duration is a parameter of a builtin: a text such as "20ms", or an int of
// nanoseconds, not negative.
type Duration time.Duration

// Unpack implements starlark.Unpacker.
func (d *Duration) Unpack(v starlark.Value) error {
	switch v := v.(type) {
	case starlark.String:
		parsed, err := time.ParseDuration(string(v))
		if err != nil {
			return fmt.Errorf("%q is no duration: it is one such as \"20ms\"", string(v))
		}
		*d = Duration(parsed)
	case starlark.Int:
		n, ok := v.Int64()
		if !ok {
			return fmt.Errorf("%s ns are too many", v)
		}
		*d = Duration(n)
	default:
		return fmt.Errorf("want a duration, not a %s", v.Type())
	}
	if *d < 0 {
		return errors.New("a duration is not negative")
	}
	return nil
}
