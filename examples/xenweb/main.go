//go:build linux

// Command xenweb is a web server that needs no operating system: an image of
// it boots under Xen, QEMU and KVM, and serves the files in /www.
//
//	anykernel image build ./examples/xenweb --files examples/xenweb/site -o xenweb.img
//	anykernel run xenweb.img --net user,tcp:8080:80
//	curl http://127.0.0.1:8080/
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/anykernel/anykernel/xen/device"
	"github.com/anykernel/anykernel/xen/guest"
	"github.com/anykernel/anykernel/xen/netstack"
)

func main() {
	log.SetFlags(0)
	if err := serve(); err != nil {
		log.Fatal("xenweb: ", err)
	}
}

func serve() error {
	l, where, err := listen()
	if err != nil {
		return err
	}
	log.Print("serving on ", where)

	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(os.DirFS("/www")))
	mux.HandleFunc("GET /about", about)
	mux.HandleFunc("POST /exit", func(http.ResponseWriter, *http.Request) {
		time.AfterFunc(100*time.Millisecond, func() { os.Exit(0) })
	})
	return http.Serve(l, mux)
}

// listen listens on the guest's own network stack, which is in this program, or
// on that of the kernel, where the image has one (--linux).
func listen() (l net.Listener, where string, err error) {
	if !guest.Present() {
		l, err = net.Listen("tcp", ":80")
		return l, "Linux", err
	}
	devices, err := device.Open()
	if err != nil {
		return nil, "", err
	}
	nic, err := devices.NIC(0)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	stack, err := netstack.New(ctx, nic, netstack.Config{})
	if err != nil {
		return nil, "", err
	}
	l, err = stack.Listen("tcp", ":80")
	return l, fmt.Sprintf("%v, interface %v", stack.Config().Addr, nic.HardwareAddr()), err
}

func about(w http.ResponseWriter, r *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "%s, %d goroutines, %d KiB of memory from it\n",
		runtime.Version(), runtime.NumGoroutine(), m.Sys>>10)
}
