//go:build linux && (amd64 || arm64)

package sentry

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/cpuid"
	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/cgroup2fs"
	"gvisor.dev/gvisor/pkg/sentry/inet"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/limits"
	"gvisor.dev/gvisor/pkg/sentry/loader"
	"gvisor.dev/gvisor/pkg/sentry/usage"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
)

// prepare does what is done once per process.
var prepare = sync.OnceValue(func() error {
	if err := checkPrivate(); err != nil {
		return err
	}
	log.SetTarget(&logs)
	log.SetLevel(log.Warning)
	cpuid.Initialize()
	hookCalls()
	return usage.Init()
})

// hostFeatures is what the processor can do; asking it takes long.
var hostFeatures = sync.OnceValue(func() cpuid.FeatureSet { return cpuid.HostFeatureSet().Fixed() })

// Open boots a kernel. The context bounds the boot only; Close ends the
// kernel.
func Open(ctx context.Context, opts Options, cfg backends.Config) (*Kernel, error) {
	return open(ctx, Name, opts, cfg, nil)
}

// open boots a kernel and closes opened with it.
func open(ctx context.Context, name string, opts Options, cfg backends.Config, opened closers) (*Kernel, error) {
	win, winErr := reserveWindow()
	if err := errors.Join(prepare(), winErr, ctx.Err(), opts.check()); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	host := cfg.WholeHost()
	if host.Scheduler != nil {
		host.Scheduler, host.Clock = nil, worldClock{host.Scheduler}
	}
	k := &Kernel{
		name: name, opts: opts, cfg: cfg,
		host:  cfg.Hooks.Wrap(host),
		tasks: map[*kernel.Task]*task{},
		procs: map[*kernel.ThreadGroup]*Process{},
		nets:  map[*stack.Stack]struct{}{},
		done:  make(chan struct{}),
		dead:  make(chan struct{}),
	}
	if k.host.Clock == nil {
		k.host.Clock = newHostClock()
	}
	if k.host.Random != nil {
		k.random = &random{r: k.host.Random}
	}
	k.console = &console{to: k.host.Console}
	k.platform = newPlatform(k, win)
	k.netClock = newNetClock(k.host.Clock, k.guard)
	k.opened = opened
	logs.add(k)
	k.onEnd(func() { logs.remove(k) })
	err := k.enterWorld()
	if err == nil {
		k.contain(func() { err = k.boot() })
	}
	if k.isDead() {
		return nil, errors.Join(k.Err(), k.Close())
	}
	if err != nil {
		k.closing.Store(true)
		k.end(backends.ErrClosed)
		return nil, errors.Join(err, k.destroy())
	}
	return k, nil
}

func (k *Kernel) boot() error {
	memory, err := newMemory(k.opts.Memory, k.host.Memory)
	if err != nil {
		return err
	}
	k.memory = memory
	k.onEnd(memory.file.Destroy)
	k.gv = &kernel.Kernel{Platform: k.platform}
	k.gv.SetMemoryFile(memory.file)
	vdso, err := loader.PrepareVDSO(memory.file)
	if err != nil {
		return err
	}
	tk := kernel.NewTimekeeper()
	params := kernel.NewVDSOParamPage(memory.file, vdso.ParamPage.FileRange())
	tk.SetClocks(clocks{k.host.Clock}, params)
	k.onEnd(tk.Destroy)
	// The timekeeper's goroutines keep a vDSO up to date that nobody uses,
	// and run timers that the network stack takes from its own clock.
	tk.Pause()
	userns := auth.NewRootUserNamespace()
	creds := auth.NewRootCredentials(userns)
	maker := &stackMaker{k}
	k.onEnd(k.netClock.close)
	net, err := maker.makeFirst()
	if err != nil {
		return err
	}
	k.net = net
	k.onEnd(net.Stack.Destroy)
	if err := k.gv.Init(kernel.InitKernelArgs{
		FeatureSet:           hostFeatures(),
		Timekeeper:           tk,
		RootUserNamespace:    userns,
		RootNetworkNamespace: inet.NewRootNamespace(net, maker, userns),
		ApplicationCores:     uint(runtime.NumCPU()),
		Vdso:                 vdso,
		VdsoParams:           params,
		RootUTSNamespace:     kernel.NewUTSNamespace(k.opts.hostname(), "(none)", userns),
		RootIPCNamespace:     kernel.NewIPCNamespace(userns),
		RootPIDNamespace:     kernel.NewRootPIDNamespace(userns),
		Cgroup2FSInit:        cgroup2fs.NewFilesystem,
	}); err != nil {
		return err
	}
	if err := k.registerFileSystems(); err != nil {
		return err
	}
	k.undo = nil              // Release does all of it
	k.onEnd(k.netClock.close) // after the stack, which may need its timers to end
	k.onEnd(k.gv.Release)
	return k.startInit(creds)
}

// maxOpenFiles is how many descriptors a process may have, what systemd gives
// and the most that gVisor takes: a server holds a socket for each client.
const maxOpenFiles = 1 << 20

// startInit makes the file tree and the first process in it.
func (k *Kernel) startInit(creds *auth.Credentials) error {
	lim, err := limits.NewLinuxDistroLimitSet()
	if err != nil {
		return err
	}
	lim.SetUnchecked(limits.NumberOfFiles, limits.Limit{Cur: maxOpenFiles, Max: maxOpenFiles})
	k.memory.limitData(lim)
	fds := k.gv.NewFDTable()
	args := kernel.CreateProcessArgs{
		Filename:             initPath,
		Argv:                 []string{"init"},
		Envv:                 k.opts.Env,
		WorkingDirectory:     "/",
		Credentials:          creds,
		FDTable:              fds,
		Umask:                0o022,
		Limits:               lim,
		MaxSymlinkTraversals: linuxMaxSymlinks,
		UTSNamespace:         k.gv.RootUTSNamespace(),
		IPCNamespace:         k.gv.RootIPCNamespace(),
		PIDNamespace:         k.gv.RootPIDNamespace(),
		ContainerID:          Name,
	}
	ctx := args.NewContext(k.gv)
	defer fds.DecRef(ctx) // the process has its own reference
	ns, err := k.makeRoot(ctx, creds)
	if err != nil {
		return err
	}
	args.MountNamespace = ns
	root := ns.Root(ctx)
	defer root.DecRef(ctx)
	r := &rootfs{ctx: bootContext{ctx, ns}, v: k.gv.VFS(), creds: creds, root: root}
	if err := r.populate(k); err != nil {
		return err
	}
	if err := r.openConsole(fds); err != nil {
		return err
	}
	tg, pid, err := k.gv.CreateProcess(args)
	if err != nil {
		return fmt.Errorf("first process: %w", err)
	}
	k.mu.Lock()
	k.init = k.procs[tg]
	k.mu.Unlock()
	k.onEnd(func() {
		k.gv.Kill(linux.WaitStatusExit(0))
		k.gv.WaitExited()
	})
	setTickerRunning(k.gv)
	k.gv.StartProcess(tg)
	p, err := k.await(k.gv.RootPIDNamespace(), pid)
	if err != nil {
		return err
	}
	k.init = p
	if k.cfg.Guests { // what they leave behind, nobody waits for
		if err := p.onChild(sigIgnore); err != nil {
			return err
		}
	}
	if c, ok := k.host.Clock.(hypercall.StepClock); ok {
		k.onEnd(c.OnStep(k.stepped))
	}
	return nil
}

// linuxMaxSymlinks is MAXSYMLINKS.
const linuxMaxSymlinks = 40
