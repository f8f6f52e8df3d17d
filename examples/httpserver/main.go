// Command httpserver runs net/http on the TCP stack of a kernel in this
// process, and fetches from it through another process of that kernel. No
// port of the host is opened, and no privilege is needed.
//
//	go run ./examples/httpserver
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	k, err := sys.Open(ctx, "sentry:hostname=web")
	if err != nil {
		return err
	}
	defer k.Close()

	l, err := k.Init().Listen(ctx, "tcp", "127.0.0.1:80")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(hello(k))}
	go server.Serve(l)
	defer server.Close()

	visitor, err := k.NewProcess(ctx)
	if err != nil {
		return err
	}
	defer visitor.Close()
	return get(visitor, "http://127.0.0.1/", w)
}

func hello(k *sys.Kernel) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, err := k.Init().Uname()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "hello from %s, a %s kernel\n", u.Nodename, u.Sysname)
	}
}

// get writes what is at url, as p sees the network.
func get(p *sys.Process, url string, w io.Writer) error {
	transport := &http.Transport{DialContext: p.Dialer().DialContext}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}
