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
	name, err := k.Init().Uname()
	fmt.Println(name, err)
}
