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
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/anykernel/anykernel/xen/device"
	"github.com/anykernel/anykernel/xen/netstack"
)

func main() {
	log.SetFlags(0)
	if err := serve(); err != nil {
		log.Fatal("xenweb: ", err)
	}
}

func serve() error {
	devices, err := device.Open()
	if err != nil {
		return err
	}
	nic, err := devices.NIC(0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	stack, err := netstack.New(ctx, nic, netstack.Config{})
	if err != nil {
		return err
	}
	l, err := stack.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	log.Printf("serving on %v, interface %v", stack.Config().Addr, nic.HardwareAddr())

	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(os.DirFS("/www")))
	mux.HandleFunc("GET /about", about)
	mux.HandleFunc("POST /exit", func(http.ResponseWriter, *http.Request) {
		time.AfterFunc(100*time.Millisecond, func() { os.Exit(0) })
	})
	return http.Serve(l, mux)
}

func about(w http.ResponseWriter, r *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "%s on no operating system, %d goroutines, %d KiB of memory from it\n",
		runtime.Version(), runtime.NumGoroutine(), m.Sys>>10)
}
