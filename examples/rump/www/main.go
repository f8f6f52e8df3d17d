// Command www runs net/http on NetBSD's TCP/IP, in this process, with files out
// of a disk image, whatever file system it has. A visitor in another process of
// that kernel fetches a page. No port of the host is opened.
//
//	makefs -t ffs disk.img examples/embed/site
//	go run ./examples/rump/www disk.img /index.html
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/sys"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: www IMAGE PATH")
	}
	if err := run(context.Background(), os.Stdout, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, image, path string) error {
	spec := backends.Spec{
		Name: "rump", Args: []string{"net_netinet"},
		Options: []backends.Option{{Key: "mount", Value: image + ":/www:ro"}, {Key: "hostname", Value: "www"}},
	}
	k, err := sys.Open(ctx, spec.String())
	if err != nil {
		return err
	}
	defer k.Close()
	l, err := k.Init().Listen(ctx, "tcp", "127.0.0.1:80")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.FileServerFS(k.Init().FS("/www"))}
	go server.Serve(l)
	defer server.Close()

	visitor, err := k.NewProcess(ctx)
	if err != nil {
		return err
	}
	defer visitor.Close()
	transport := &http.Transport{DialContext: visitor.Dialer().DialContext}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://127.0.0.1" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	_, err = io.Copy(w, resp.Body)
	return err
}
