package measure

import (
	"context"
	"errors"
	"io"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// An Operation is something that a kernel can be asked to do many times.
type Operation struct {
	Name  string
	Bytes int64               // that one moves; 0 where its time counts
	Needs backends.Capability // "" for what every kernel can
	// Start prepares it on a kernel.
	Start func(ctx context.Context, k *sys.Kernel) (Runner, error)
	// Direct prepares the same on the host without this module, for
	// comparison with the backend host. nil: there is none.
	Direct func() (Runner, error)
}

// A Runner does an operation that was prepared.
type Runner struct {
	Run  func(n int) error // does it n times
	Stop func() error      // gives back what it holds
}

// Operations is all of them, in the order of the table.
func Operations() []Operation {
	return []Operation{
		{Name: "getpid", Start: startGetpid, Direct: directGetpid},
		{Name: "getpid, 64 in a batch", Start: startGetpids, Direct: directGetpid},
		{Name: "read 4 KiB", Start: startRead, Direct: directRead},
		{Name: "write 4 KiB", Start: startWrite, Direct: directWrite},
		{Name: "stat", Start: startStat, Direct: directStat},
		{Name: "pwrite+pread 4 KiB, tmpfs", Start: startPwritePread},
		{Name: "open+close", Start: startOpenClose},
		{Name: "TCP, 64 KiB writes", Bytes: 64 << 10, Needs: backends.TCP, Start: startStream(64 << 10)},
		{Name: "TCP, 1 KiB writes", Bytes: 1 << 10, Needs: backends.TCP, Start: startStream(1 << 10)},
		{Name: "TCP, 1 byte there and back", Needs: backends.TCP, Start: startPingPong},
	}
}

// repeat is a Runner that does f.
func repeat(f func() error, stop func() error) Runner {
	return Runner{Stop: stop, Run: func(n int) error {
		for range n {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}}
}

func nothing() error { return nil }

func startGetpid(_ context.Context, k *sys.Kernel) (Runner, error) {
	num, ok := k.ABI().Call("getpid")
	if !ok {
		return Runner{}, errors.New("the ABI has no getpid")
	}
	p := k.Init()
	return repeat(func() error {
		_, _, err := p.Raw(backends.Call{Num: num})
		return err
	}, nothing), nil
}

// startGetpids is startGetpid, with calls made in batches.
func startGetpids(_ context.Context, k *sys.Kernel) (Runner, error) {
	num, ok := k.ABI().Call("getpid")
	if !ok {
		return Runner{}, errors.New("the ABI has no getpid")
	}
	p := k.Init()
	var calls [64]backends.Call
	var out [64]backends.Result
	for i := range calls {
		calls[i].Num = num
	}
	return Runner{Stop: nothing, Run: func(n int) error {
		for n > 0 {
			m := min(n, len(calls))
			if err := errors.Join(p.RawAll(calls[:m], out[:m]), out[0].Err); err != nil {
				return err
			}
			n -= m
		}
		return nil
	}}, nil
}

// blockSize is that of reads and writes, in bytes.
const blockSize = 4096

func startRead(_ context.Context, k *sys.Kernel) (Runner, error) {
	f, err := k.Init().Open("/dev/zero", sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return Runner{}, err
	}
	b := make([]byte, blockSize)
	return repeat(func() error { _, err := f.Read(b); return err }, f.Close), nil
}

func startWrite(_ context.Context, k *sys.Kernel) (Runner, error) {
	f, err := k.Init().Open("/dev/null", sys.O_WRONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return Runner{}, err
	}
	b := make([]byte, blockSize)
	return repeat(func() error { _, err := f.Write(b); return err }, f.Close), nil
}

// tempFile makes a file in memory, and what removes it.
func tempFile(k *sys.Kernel) (name string, f *sys.File, stop func() error, err error) {
	p := k.Init()
	dir := "/tmp"
	if _, err := p.Stat("/dev/shm"); err == nil {
		dir = "/dev/shm" // in memory on the host, too
	}
	dir, err = p.MkdirTemp(dir, "measure-")
	if err != nil {
		return "", nil, nil, err
	}
	name = dir + "/file"
	f, err = p.Open(name, sys.O_RDWR|sys.O_CREAT|sys.O_CLOEXEC, 0o600)
	if err != nil {
		return "", nil, nil, errors.Join(err, p.RemoveAll(dir))
	}
	return name, f, func() error { return errors.Join(f.Close(), p.RemoveAll(dir)) }, nil
}

func startStat(_ context.Context, k *sys.Kernel) (Runner, error) {
	name, _, stop, err := tempFile(k)
	if err != nil {
		return Runner{}, err
	}
	p := k.Init()
	return repeat(func() error { _, err := p.Stat(name); return err }, stop), nil
}

func startOpenClose(_ context.Context, k *sys.Kernel) (Runner, error) {
	name, _, stop, err := tempFile(k)
	if err != nil {
		return Runner{}, err
	}
	p := k.Init()
	return repeat(func() error {
		f, err := p.Open(name, sys.O_RDONLY|sys.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}, stop), nil
}

func startPwritePread(_ context.Context, k *sys.Kernel) (Runner, error) {
	_, f, stop, err := tempFile(k)
	if err != nil {
		return Runner{}, err
	}
	b := make([]byte, blockSize)
	return repeat(func() error {
		if _, err := f.WriteAt(b, 0); err != nil {
			return err
		}
		_, err := f.ReadAt(b, 0)
		return err
	}, stop), nil
}

// drain reads r to its end.
func drain(r io.Reader, b []byte) error {
	for {
		if _, err := r.Read(b); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
