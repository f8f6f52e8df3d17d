package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
)

func TestRun(t *testing.T) {
	kerneltest.NeedKernel(t, "rump")
	for _, six := range []bool{false, true} {
		for _, routers := range []int{0, 1, 3} {
			t.Run(fmt.Sprintf("routers=%d,six=%v", routers, six), func(t *testing.T) {
				var b strings.Builder
				if err := run(t.Context(), &b, routers, six); err != nil {
					t.Fatalf("%v, after\n%s", err, b.String())
				}
				want := "echoed: the first line\n"
				for i := range routers {
					want += fmt.Sprintf("router %d was rebooted\n", i+1)
				}
				if want += "echoed: the same connection\n"; b.String() != want {
					t.Errorf("it wrote\n%swant\n%s", b.String(), want)
				}
			})
		}
	}
}
