package hypercall

import (
	"errors"
	"time"
)

// ErrUnimplemented is the error of a request that a host does not answer.
var ErrUnimplemented = errors.New("the host does not answer this hypercall")

type (
	// UnimplementedMemory refuses all memory.
	UnimplementedMemory struct{}
	// UnimplementedClock stands still at the beginning of time.
	UnimplementedClock struct{}
	// UnimplementedRandom has no entropy.
	UnimplementedRandom struct{}
	// UnimplementedThreads refuses threads.
	UnimplementedThreads struct{}
	// UnimplementedBlock has no files.
	UnimplementedBlock struct{}
	// UnimplementedNet has no cables.
	UnimplementedNet struct{}
	// UnimplementedConsole drops what is printed.
	UnimplementedConsole struct{}
	// UnimplementedParams has no settings.
	UnimplementedParams struct{}
	// UnimplementedLifecycle ignores what it is told.
	UnimplementedLifecycle struct{}
	// UnimplementedFile fails every transfer.
	UnimplementedFile struct{}
)

func (UnimplementedMemory) Allocate(n, align int) error               { return ErrUnimplemented }
func (UnimplementedClock) Now() time.Time                             { return time.Time{} }
func (UnimplementedClock) Monotonic() time.Duration                   { return 0 }
func (UnimplementedRandom) Read(p []byte) (int, error)                { return 0, ErrUnimplemented }
func (UnimplementedThreads) Start(name string) error                  { return ErrUnimplemented }
func (UnimplementedBlock) Stat(path string) (FileInfo, error)         { return FileInfo{}, ErrUnimplemented }
func (UnimplementedBlock) Open(path string, m OpenMode) (File, error) { return nil, ErrUnimplemented }
func (UnimplementedConsole) Print(text []byte) error                  { return nil }
func (UnimplementedParams) Param(name string) (string, bool)          { return "", false }
func (UnimplementedLifecycle) Signal(pid, signal int)                 {}
func (UnimplementedLifecycle) Exit(status int)                        {}
func (UnimplementedLifecycle) Panic(reason string)                    {}
func (UnimplementedFile) ReadAt(p []byte, off int64) (int, error)     { return 0, ErrUnimplemented }
func (UnimplementedFile) WriteAt(p []byte, off int64) (int, error)    { return 0, ErrUnimplemented }
func (UnimplementedFile) Sync() error                                 { return nil }
func (UnimplementedFile) Close() error                                { return nil }

func (UnimplementedNet) Attach(nic NIC, receive func([]byte)) (Link, error) {
	return nil, ErrUnimplemented
}
