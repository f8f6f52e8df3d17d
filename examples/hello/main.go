// Command hello boots a kernel, asks it what it is, and is done. Change
// "sentry" to "host" and import that backend: nothing else changes.
package main

import (
	"context"
	"fmt"
	"log"

	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
)

func main() {
	k, err := sys.Open(context.Background(), "sentry:hostname=box")
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()
	uname, err := k.Init().Uname()
	fmt.Println(uname, err)
}
