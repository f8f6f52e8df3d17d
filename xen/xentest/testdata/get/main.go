// Command get reads a URL some times over, and prints the last answer and how
// long one took. It runs in dom0.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	const times = 20
	start := time.Now()
	var body []byte
	for range times {
		resp, err := http.Get(os.Args[1])
		if err != nil {
			fmt.Println("GET failed:", err)
			os.Exit(1)
		}
		body, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	fmt.Printf("GET says %q, each took %v\n", body, time.Since(start)/times)
}
