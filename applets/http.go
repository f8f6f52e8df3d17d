package applets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/pflag"
)

var httpd = &Applet{
	Name:       "httpd",
	Concurrent: true,
	Summary:    "serve a directory over HTTP until it is interrupted",
	Synopsis:   "[-l ADDRESS] [-n REQUESTS] [DIRECTORY]",
	flags: func(f *pflag.FlagSet) action {
		address := f.StringP("listen", "l", ":80", "where to listen, HOST:PORT")
		requests := f.IntP("requests", "n", 0, "end after that many requests; 0: never")
		return func(j *job, args []string) error {
			if err := operands(args, 0, 1); err != nil {
				return err
			}
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return j.serveHTTP(*address, dir, *requests)
		}
	},
}

func (j *job) serveHTTP(address, dir string, requests int) error {
	if _, err := j.p.Stat(j.path(dir)); err != nil {
		return fmt.Errorf("%s: %s", dir, message(err))
	}
	l, err := j.p.Listen(j.ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%s: %s", address, message(err))
	}
	served := make(chan struct{}, 1)
	files := http.FileServerFS(j.p.FS(j.path(dir)))
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			files.ServeHTTP(w, r)
			if requests > 0 {
				served <- struct{}{}
			}
		}),
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	err = j.waitServed(served, requests, done)
	// The last answers go out before the end.
	ctx, stop := context.WithTimeout(context.WithoutCancel(j.ctx), time.Second)
	defer stop()
	return errors.Join(err, server.Shutdown(ctx))
}

// waitServed waits for that many requests, or the end of the job or server.
func (j *job) waitServed(served <-chan struct{}, requests int, done <-chan error) error {
	for n := 0; requests == 0 || n < requests; {
		select {
		case <-served:
			n++
		case <-j.ctx.Done():
			return j.ctx.Err()
		case err := <-done:
			return err
		}
	}
	return nil
}

var fetch = &Applet{
	Name:       "fetch",
	Concurrent: true,
	Summary:    "get a file over HTTP",
	Synopsis:   "[-o FILE] [-t TIMEOUT] URL...",
	flags: func(f *pflag.FlagSet) action {
		output := f.StringP("output", "o", "-", "the file to write")
		timeout := f.DurationP("timeout", "t", time.Minute, "how long to try")
		return func(j *job, args []string) error {
			if err := operands(args, 1, -1); err != nil {
				return err
			}
			var w io.Writer = j.stdout
			if *output != "-" {
				f, err := j.create(*output, false)
				if err != nil {
					return fmt.Errorf("%s: %s", *output, message(err))
				}
				defer f.Close()
				w = f
			}
			ctx, stop := context.WithTimeout(j.ctx, *timeout)
			defer stop()
			return j.each(args, func(url string) error { return j.fetch(ctx, w, url) })
		}
	},
}

// fetch gets url through the kernel's sockets.
func (j *job) fetch(ctx context.Context, w io.Writer, url string) error {
	transport := &http.Transport{DialContext: j.p.Dialer().DialContext}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return j.copy(w, resp.Body)
}
