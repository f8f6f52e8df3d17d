//go:build linux

package xen

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/remote"
	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/xen/launch/launchtest"
)

var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// kernelImage is examples/xenkernel, made once.
func kernelImage(t *testing.T) string {
	t.Helper()
	launchtest.Need(t)
	if testing.Short() {
		t.Skip("compiles a kernel into an image")
	}
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "xen-test"); built.err != nil {
			return
		}
		var program, image []byte
		if program, built.err = images.Compile(context.Background(), "../../examples/xenkernel"); built.err != nil {
			return
		}
		if image, built.err = images.Build(images.Config{Program: program}); built.err != nil {
			return
		}
		built.err = os.WriteFile(filepath.Join(built.dir, "kernel.img"), image, 0o644)
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "kernel.img")
}

var conform = flag.Bool("conform", false, "run the conformance suite, which starts a guest for each case")

func TestConformance(t *testing.T) {
	if !*conform {
		t.Skip("it takes minutes: -conform runs it")
	}
	kerneltest.Conform(t, "xen:"+kernelImage(t))
}

func TestKernel(t *testing.T) {
	k := kerneltest.New(t, "xen:"+kernelImage(t)+"?kernel=sentry:hostname=inside&mem=192&cpus=2")
	uname, err := k.Init().Uname()
	if err != nil || uname.Nodename != "inside" {
		t.Errorf("the kernel is %v, %v: the specification did not arrive", uname, err)
	}
	child, err := k.Init().Fork(t.Context(), backends.CopiedDescriptors)
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	if err := child.WriteFile("/tmp/x", []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := k.Init().ReadFile("/tmp/x"); string(b) != "hello" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
}

// TestGuestEnds pulls the plug of a guest whose kernel is at work.
func TestGuestEnds(t *testing.T) {
	spec := "xen:" + kernelImage(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g, err := start(ctx, spec, options{image: kernelImage(t), memory: defaultMemory}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := backends.Connect(ctx, backends.Connection{Name: spec, Dial: g.host.Dial, Owner: g})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := g.machine.Kill(); err != nil {
		t.Fatal(err)
	}
	<-raw.Done()
	var crash *backends.PanicError
	if err := raw.Err(); !errors.As(err, &crash) || !strings.Contains(crash.Reason, "the guest ended") {
		t.Errorf("the kernel ended with %v", raw.Err())
	}
}

func TestWrongSpecifications(t *testing.T) {
	launchtest.Need(t)
	for spec, want := range map[string]string{
		"xen":                            "needs arguments",
		"xen:a,b":                        "2 images",
		"xen:nowhere.img":                "nowhere.img",
		"xen:xen_test.go":                "xen_test.go",
		"xen:a?mem=much":                 "mem=much",
		"xen:a?cpus=0":                   "cpus=0",
		"xen:a?cpus=two":                 "cpus=two",
		"xen:a?disk=b":                   "no such option",
		"xen:nowhere.img?kernel=a%22b":   "nowhere.img",
		"xen:a?process=separate":         "no such option",
		"xen:" + t.TempDir() + "?mem=64": "not a Linux image",
	} {
		k, err := sys.Open(t.Context(), spec)
		if err == nil {
			k.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", spec, err, want)
		}
	}
}

// TestGuestsWithoutKernels are told apart by what they say.
func TestGuestsWithoutKernels(t *testing.T) {
	image := kernelImage(t)
	other := launchtest.Image(t, "../../xen/launch/testdata/guest", images.Config{CommandLine: "-- exit 3"})
	quiet := launchtest.Image(t, "../../xen/launch/testdata/guest", images.Config{CommandLine: "-- sleep"})
	for name, c := range map[string]struct{ spec, want string }{
		"a kernel that the program does not have": {"xen:" + image + "?kernel=rump", `no kernel backend "rump"`},
		"an option that its kernel does not have": {"xen:" + image + "?kernel=sentry:color=red", "no such option"},
		"a program that serves no kernel":         {"xen:" + other, "status 3"},
		"too little memory":                       {"xen:" + image + "?mem=16", "memory"},
		"a program that does nothing":             {"xen:" + quiet, context.DeadlineExceeded.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			limit := time.Minute
			if strings.Contains(c.want, "deadline") {
				limit = 3 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			var console bytes.Buffer
			k, err := sys.OpenConfig(ctx, c.spec, backends.Config{Console: &console})
			if err == nil {
				k.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q; the console said\n%s", err, c.want, console.String())
			}
		})
	}
}
