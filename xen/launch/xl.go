package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/internal/tail"
)

// A domain is a guest of Xen, run by xl(1), which is told to keep it when it
// has ended: how it ended is asked for then.
type domain struct {
	xl, name string
	console  *drain
	stderr   tail.Buffer
}

// domains counts the guests that this process has started, for their names.
var domains atomic.Int64

// RunXen starts a guest of Xen by xl(1), in dom0, and waits for its end as
// [Run] does. Networks are of the kind Vif; Accel, CPU, NoRNG and QEMU are of
// no meaning.
func RunXen(ctx context.Context, c Config) (status int, err error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	xl, err := exec.LookPath("xl")
	if err != nil {
		return 0, fmt.Errorf("%w: guests of Xen are started in dom0, by xl (apt-get install xen-utils-common)", err)
	}
	d := &domain{xl: xl, name: fmt.Sprintf("anykernel-%d-%d", os.Getpid(), domains.Add(1)), console: newDrain(c.Console), stderr: tail.Buffer{Size: stderrSize}}
	cfg, err := c.xlConfig(d.name)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "anykernel-xl")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, d.name+".cfg")
	if err := os.WriteFile(file, []byte(cfg.String()), 0o600); err != nil {
		return 0, err
	}
	for line := range strings.Lines(cfg.String()) {
		c.logger().Info(strings.TrimSpace(line))
	}
	return d.run(ctx, &c, file)
}

// xlConfig is the guest for xl.
func (c *Config) xlConfig(name string) (images.XLConfig, error) {
	x := images.XLConfig{Name: name, MemoryMiB: c.MemoryMiB, VCPUs: c.CPUs, CommandLine: c.CommandLine, Keep: true}
	if x.MemoryMiB == 0 {
		x.MemoryMiB = DefaultMemory
	}
	var err error
	if x.Image, err = filepath.Abs(c.Image); err != nil {
		return x, err
	}
	if c.Initramfs != "" {
		x.CommandLine = "console=hvc0 " + linuxQuiet + c.CommandLine
		if x.Ramdisk, err = filepath.Abs(c.Initramfs); err != nil {
			return x, err
		}
	}
	for _, n := range c.Networks {
		vif, err := n.vif()
		if err != nil {
			return x, err
		}
		x.Vifs = append(x.Vifs, vif)
	}
	for i, d := range c.Disks {
		disk, err := d.xlDisk(i)
		if err != nil {
			return x, err
		}
		x.Disks = append(x.Disks, disk)
	}
	return x, x.Check()
}

// vif is the interface as xl-network-configuration(5) has it.
func (n Network) vif() (string, error) {
	if n.Vif == "" || n.User || n.Tap != "" || n.Stream != "" {
		return "", errors.New("a network of a guest of Xen is a vif: bridge:NAME, or vif:SPEC as xl-network-configuration(5) has it")
	}
	if n.MAC != nil {
		return n.Vif + ",mac=" + n.MAC.String(), nil
	}
	return n.Vif, nil
}

// xlDisk is the disk as xl-disk-configuration(5) has it.
func (d Disk) xlDisk(i int) (string, error) {
	path, err := filepath.Abs(d.Path)
	if err != nil {
		return "", err
	}
	if strings.Contains(path, ",") {
		return "", fmt.Errorf("disk %q: xl has no way to write a comma", path)
	}
	access := "rw"
	if d.ReadOnly {
		access = "ro"
	}
	return fmt.Sprintf("%s,raw,xvd%c,%s", path, 'a'+i, access), nil
}

// run creates the domain with its console here, and takes it away when it has
// ended.
func (d *domain) run(ctx context.Context, c *Config, file string) (int, error) {
	// -F: until the domain has ended; -c: with its console, which is a process of
	// its own, and goes on until the domain is gone.
	cmd := exec.Command(d.xl, "create", "-q", "-F", "-c", file)
	c.logger().Info("starting guest", "command", quoted(cmd.Args))
	ended, detach, err := d.attach(cmd, c.Stdin)
	if err != nil {
		return 0, err
	}
	defer detach()
	state, err := d.await(ctx, cmd)
	if err == nil {
		d.console.settle()
		err = d.destroy()
	}
	select {
	case <-ended:
	case <-time.After(xlTime):
		err = errors.Join(err, errors.New("the guest's console does not end"))
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if said := strings.TrimSpace(d.stderr.String()); err != nil && said != "" {
		err = fmt.Errorf("%w; it said: %s", err, said)
	}
	if err != nil {
		return 0, err
	}
	return d.status(state, c.Initramfs != "")
}

// attach gives xl a terminal: its console takes input from nothing else. What
// is typed goes to it as it comes, without echo. The channel is closed when xl
// and its console have ended; then detach.
func (d *domain) attach(cmd *exec.Cmd, from io.Reader) (ended chan struct{}, detach func(), err error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("a terminal for xl's console: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, master.Close(), slave.Close())
	}
	restore := func() {}
	_, err = term.MakeRaw(int(slave.Fd()))
	if f, ok := from.(*os.File); err == nil && ok && term.IsTerminal(int(f.Fd())) {
		var old *term.State
		if old, err = term.MakeRaw(int(f.Fd())); err == nil {
			restore = func() { term.Restore(int(f.Fd()), old) }
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, w
	if err == nil {
		err = cmd.Start()
	}
	if err = errors.Join(err, slave.Close(), w.Close()); err != nil { // xl has its own
		restore()
		return nil, nil, errors.Join(err, master.Close(), r.Close())
	}
	ended = make(chan struct{})
	var copying sync.WaitGroup
	copying.Go(func() { io.Copy(d.console, master) }) // until nobody has the other end
	copying.Go(func() { io.Copy(&d.stderr, r) })
	go func() {
		copying.Wait()
		close(ended)
	}()
	if from != nil {
		go io.Copy(master, from)
	}
	return ended, func() { restore(); master.Close(); r.Close() }, nil
}

// xlTime bounds what xl is asked, and what its console takes to end.
const xlTime = 30 * time.Second

// xlStartTime is how long xl may leave the domain paused, on a machine that is
// emulated, too. Where its console does not come up, it does so for ever. A test
// shortens it.
var xlStartTime = time.Minute

// askTime is between two questions for the domain, at least: they take not more
// than a fifth of the time, where xl is slow.
const askTime = 500 * time.Millisecond

// await waits until the domain has ended, and returns the state in which xl
// lists it. That is asked for: xl create itself waits for its console, which
// goes on until the domain is gone.
func (d *domain) await(ctx context.Context, cmd *exec.Cmd) (state string, err error) {
	exit := make(chan error, 1)
	go func() { exit <- cmd.Wait() }()
	took := time.Duration(0)
	for start, exited := time.Now(), false; ; {
		select {
		case err = <-exit:
			exited = true
		case <-time.After(max(askTime, 4*took)):
		case <-ctx.Done():
			return "", d.abandon(cmd, exit)
		}
		asked := time.Now()
		state = d.state(ctx)
		took = time.Since(asked)
		switch {
		case strings.ContainsAny(state, "sc"):
			return state, nil
		case exited && state == "":
			return "", fmt.Errorf("xl create: there is no guest (%v)", err)
		case exited:
			return "", errors.Join(errors.New("xl create ended before the guest did"), d.destroy())
		case strings.Contains(state, "p") && time.Since(start) > xlStartTime:
			d.abandon(cmd, exit)
			return "", fmt.Errorf("xl does not start the guest, which is still paused after %v", xlStartTime)
		}
	}
}

// abandon destroys a domain that may not be there yet, until xl has seen it.
func (d *domain) abandon(cmd *exec.Cmd, exit <-chan error) error {
	deadline := time.After(xlTime)
	for {
		d.destroy() // fails where there is none yet
		select {
		case <-exit:
			d.destroy() // it may have ended by itself, and be kept
			return context.Canceled
		case <-deadline:
			cmd.Process.Kill()
			<-exit
			return context.Canceled
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// state is the letters of xl list, of which "s" is for a domain that has shut
// down, "c" for one that has crashed; "": there is none yet.
func (d *domain) state(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, xlTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, d.xl, "list", d.name).Output()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 6 && f[0] == d.name {
			return f[4]
		}
	}
	return ""
}

// destroy takes the domain away, running or not.
func (d *domain) destroy() error {
	ctx, cancel := context.WithTimeout(context.Background(), xlTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, d.xl, "destroy", d.name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("xl destroy %s: %w\n%s", d.name, err, bytes.TrimSpace(out))
	}
	return nil
}

// statusLine is what the shim, and the first process on Linux, say at the end.
var statusLine = regexp.MustCompile(`(?m)^(?:shim|init): exit status (\d+)\r?$`)

// status is the program's. To Xen, a domain of the shim has crashed when that
// is not 0. One of Linux has shut down in both cases.
func (d *domain) status(state string, linux bool) (int, error) {
	crashed := strings.Contains(state, "c")
	if crashed || linux {
		if all := statusLine.FindAllSubmatch(d.console.last.Bytes(), -1); len(all) > 0 {
			return strconv.Atoi(string(all[len(all)-1][1]))
		}
	}
	if crashed {
		return 0, errors.New("the guest crashed without a status")
	}
	return 0, nil
}

// A drain hands a console on, and keeps the end of it.
type drain struct {
	mu   sync.Mutex
	to   io.Writer
	last bytes.Buffer
	at   time.Time // of the last output
}

// drainSize is how much of a console's end is looked at.
const drainSize = 4096

func newDrain(to io.Writer) *drain {
	if to == nil {
		to = io.Discard
	}
	return &drain{to: to, at: time.Now()}
}

func (d *drain) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = time.Now()
	d.last.Write(b)
	if extra := d.last.Len() - drainSize; extra > 0 {
		d.last.Next(extra)
	}
	return d.to.Write(b)
}

// settle waits until nothing has come for a while: xenconsoled carries what a
// guest has said, and may be late.
func (d *drain) settle() {
	const quiet, longest = 300 * time.Millisecond, 5 * time.Second
	for end := time.Now().Add(longest); time.Now().Before(end); time.Sleep(quiet / 10) {
		d.mu.Lock()
		since := time.Since(d.at)
		d.mu.Unlock()
		if since >= quiet {
			return
		}
	}
}
