package images_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/anykernel/anykernel/images"
)

// An image of a Go program, with files for it to read.
func ExampleBuild() {
	program, err := images.Compile(context.Background(), "./testdata/hello")
	if err != nil {
		fmt.Println(err)
		return
	}
	image, err := images.Build(images.Config{
		Program:     program,
		Files:       os.DirFS("testdata"),
		CommandLine: "MODE=quick -- serve",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	im, err := images.Parse(image)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(filepath.Base(im.Program.Build.Path), "with", im.CommandLine)
	fmt.Println(im.Files[0].Path)
	// Output:
	// hello with MODE=quick -- serve
	// hello
}

func ExampleXLConfig() {
	fmt.Print(images.XLConfig{Name: "web", Image: "/srv/web.img", MemoryMiB: 64, Vifs: []string{"bridge=xenbr0"}})
	// Output:
	// name = "web"
	// type = "pvh"
	// kernel = "/srv/web.img"
	// memory = 64
	// vcpus = 1
	// vif = [ "bridge=xenbr0" ]
	// on_poweroff = "destroy"
	// on_reboot = "restart"
	// on_crash = "destroy"
}
