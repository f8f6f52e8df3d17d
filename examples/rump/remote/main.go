// Command remote uses a NetBSD kernel behind a socket. It boots one, offers it
// at a Unix socket, and uses it by that alone, as programs elsewhere would: one
// client writes a file and waits for TCP connections, another one reads the
// file and connects. Then the server goes, and a call that waits says so.
//
//	go run ./examples/rump/remote
//	go run ./examples/rump/remote -at unix:///tmp/kernel   # of anykernel serve, or rump_server
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/remote"
	"github.com/anykernel/anykernel/backends/remote/server"
	_ "github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/sys"
)

func main() {
	at := flag.String("at", "", "the address of a server, instead of one of this program's")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run := serveAndUse
	if *at != "" {
		run = func(ctx context.Context, w io.Writer) error { return use(ctx, w, *at) }
	}
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// serveAndUse boots a kernel, offers it and uses it.
func serveAndUse(ctx context.Context, w io.Writer) error {
	dir, err := os.MkdirTemp("", "remote")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	k, err := backends.Open(ctx, "rump", backends.Config{Guests: true})
	if err != nil {
		return err
	}
	defer k.Close()
	s, err := server.New(k, server.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	address := "unix://" + filepath.Join(dir, "kernel")
	l, err := server.Listen(address, server.ListenOptions{})
	if err != nil {
		return err
	}
	go s.Serve(l)
	if err := use(ctx, w, address); err != nil {
		return err
	}
	return lose(ctx, w, address, s)
}

// use lets two clients of a kernel talk.
func use(ctx context.Context, w io.Writer, address string) error {
	var clients [2]*sys.Kernel
	for i := range clients {
		k, err := sys.Open(ctx, "remote:"+address)
		if err != nil {
			return err
		}
		defer k.Close()
		clients[i] = k
	}
	first, second := clients[0].Init(), clients[1].Init()
	uname, err := first.Uname()
	if err != nil {
		return err
	}
	fmt.Fprintln(w, uname.Sysname, "at the other end")
	if err := first.WriteFile("/note", []byte("what the first wrote"), 0o644); err != nil {
		return err
	}
	note, err := second.ReadFile("/note")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "the second read: %s\n", note)
	l, err := first.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			fmt.Fprintf(conn, "hello, %s", "second")
			conn.Close()
		}
	}()
	conn, err := second.Dialer().DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	fmt.Fprintf(w, "by its TCP: %s\n", text)
	return err
}

// lose closes the server while a call waits.
func lose(ctx context.Context, w io.Writer, address string, s *server.Server) error {
	k, err := sys.Open(ctx, "remote:"+address)
	if err != nil {
		return err
	}
	defer k.Close()
	r, _, err := k.Init().Pipe(0)
	if err != nil {
		return err
	}
	time.AfterFunc(50*time.Millisecond, func() { s.Close() })
	if _, err = r.Read(make([]byte, 1)); !errors.Is(err, backends.ErrClosed) {
		return fmt.Errorf("a call that waited when the server went: %v", err)
	}
	fmt.Fprintln(w, "the server went, and a call that waited said so")
	return nil
}
