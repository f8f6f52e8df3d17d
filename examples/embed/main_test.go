package main

import (
	"context"
	"log"
	"os"
)

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// /www/site/about.txt: 5 bytes
	// /www/site/index.html: 15 bytes
}
