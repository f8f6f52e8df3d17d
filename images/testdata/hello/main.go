// Command hello is the smallest guest.
package main

import "fmt"

func main() { fmt.Println("hello") }
