// Command get reads a URL some times over, and prints the last answer and how
// long one took. With the name of a file, it makes the file after one answer,
// waits until somebody removes it, and reads again, over the same connection. It
// runs in dom0.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 2 {
		hold(os.Args[1], os.Args[2])
		return
	}
	const times = 20
	start := time.Now()
	var body []byte
	for range times {
		body, _ = get(os.Args[1])
	}
	fmt.Printf("GET says %q, each took %v\n", body, time.Since(start)/times)
}

// get reads a URL; reused says that there was a connection already.
func get(url string) (body []byte, reused bool) {
	req, err := http.NewRequest("GET", url, nil)
	check(err)
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
	}))
	resp, err := http.DefaultClient.Do(req)
	check(err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	check(err)
	return body, reused
}

func hold(url, file string) {
	get(url)
	check(os.WriteFile(file, nil, 0o644))
	for {
		if _, err := os.Stat(file); err != nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	start := time.Now()
	body, reused := get(url)
	if !reused {
		fmt.Println("the connection is another")
		os.Exit(1)
	}
	fmt.Printf("the connection goes on: GET says %d bytes after %v\n", len(body), time.Since(start))
}

func check(err error) {
	if err != nil {
		fmt.Println("GET failed:", err)
		os.Exit(1)
	}
}
