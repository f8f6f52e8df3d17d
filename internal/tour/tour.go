package tour

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/internal/measure"
	"github.com/anykernel/anykernel/sys"
)

// A Report is what a tour found on one kernel.
type Report struct {
	Kernel  string
	Uname   string
	Boot    time.Duration // until the kernel made its first call
	Getpid  time.Duration // one call, the median
	CopyIn  time.Duration // of the whole folder
	HTTP    time.Duration // of the whole folder
	Files   int
	Bytes   int64
	Fetcher string   // who fetched: another process, or the same
	Differs []string // files that came back other than they went
}

// A Progress hears which step begins, and how far it is.
type Progress interface {
	Begin(step string)
	At(done, total int64)
}

// A tourist is a tour under way.
type tourist struct {
	folder *Folder
	show   Progress
	k      *sys.Kernel
	r      *Report
	dir    string // where the folder is in the kernel
}

// Run takes folder to the kernel that spec describes. The error says why the
// tour could not be finished; files that differ are in the report.
func Run(ctx context.Context, spec string, cfg backends.Config, folder *Folder, show Progress) (*Report, error) {
	t := &tourist{folder: folder, show: show, r: &Report{Kernel: spec, Files: len(folder.Sums), Bytes: folder.Bytes}}
	show.Begin(spec + ": boot")
	if err := t.boot(ctx, spec, cfg); err != nil {
		return t.r, err
	}
	err := t.visit(ctx)
	return t.r, errors.Join(err, t.k.Close())
}

func (t *tourist) boot(ctx context.Context, spec string, cfg backends.Config) (err error) {
	start := time.Now()
	if t.k, err = sys.OpenConfig(ctx, spec, cfg); err != nil {
		return err
	}
	u, err := t.k.Init().Uname()
	t.r.Boot = time.Since(start)
	if err != nil {
		return errors.Join(err, t.k.Close())
	}
	t.r.Uname = fmt.Sprintf("%s %s %s", u.Sysname, u.Release, u.Machine)
	return nil
}

// visit does everything between boot and end, each step timed.
func (t *tourist) visit(ctx context.Context) (err error) {
	t.show.Begin(t.r.Kernel + ": getpid")
	if t.r.Getpid, err = measure.Getpid(ctx, t.k); err != nil {
		return err
	}
	p := t.k.Init().With(ctx)
	if t.dir, err = p.MkdirTemp("/tmp", "tour-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.k.Init().RemoveAll(t.dir)) }()
	if err := t.copyIn(p); err != nil {
		return err
	}
	return t.serve(ctx)
}

func (t *tourist) copyIn(p *sys.Process) error {
	t.show.Begin(t.r.Kernel + ": copy files in")
	start := time.Now()
	err := p.CopyFS(t.dir, t.folder.FS)
	t.r.CopyIn = time.Since(start)
	if err != nil {
		return fmt.Errorf("copy files in: %w", err)
	}
	return nil
}

// serve runs the HTTP server and the process that fetches.
func (t *tourist) serve(ctx context.Context) error {
	l, err := t.k.Init().Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: t.handler()}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	err = t.visitor(ctx, l.Addr())
	server.Close()
	if e := <-done; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// handler serves the files as they are. http.FileServer would redirect the
// ones that are called index.html.
func (t *tourist) handler() http.Handler {
	fsys := t.k.Init().FS(t.dir)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Clean(r.URL.Path[1:])
		f, err := fsys.Open(name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		defer f.Close()
		http.ServeContent(w, r, "", time.Time{}, f.(io.ReadSeeker))
	})
}

// visitor fetches from another process, where the kernel can make one.
func (t *tourist) visitor(ctx context.Context, addr net.Addr) error {
	p := t.k.Init()
	t.r.Fetcher = "the same process"
	if t.k.Capabilities().Has(backends.Processes) {
		var err error
		if p, err = t.k.NewProcess(ctx); err != nil {
			return err
		}
		defer p.Close()
		t.r.Fetcher = fmt.Sprintf("process %d", p.ID())
	}
	t.show.Begin(t.r.Kernel + ": fetch over HTTP")
	transport := &http.Transport{DialContext: p.Dialer().DialContext}
	defer transport.CloseIdleConnections()
	return t.fetchAll(ctx, &http.Client{Transport: transport}, addr)
}

func (t *tourist) fetchAll(ctx context.Context, client *http.Client, addr net.Addr) error {
	start := time.Now()
	var done int64
	for _, name := range t.folder.Names() {
		sum, n, err := fetch(ctx, client, addr, name)
		if err != nil {
			return fmt.Errorf("fetch %s: %w", name, err)
		}
		if sum != t.folder.Sums[name] {
			t.r.Differs = append(t.r.Differs, name)
		}
		done += n
		t.show.At(done, t.folder.Bytes)
	}
	t.r.HTTP = time.Since(start)
	return nil
}

func fetch(ctx context.Context, client *http.Client, addr net.Addr, name string) (sum [sha256.Size]byte, n int64, err error) {
	u := url.URL{Scheme: "http", Host: addr.String(), Path: "/" + name}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return sum, 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return sum, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return sum, 0, errors.New(resp.Status)
	}
	h := sha256.New()
	n, err = io.Copy(h, resp.Body)
	return [sha256.Size]byte(h.Sum(nil)), n, err
}
