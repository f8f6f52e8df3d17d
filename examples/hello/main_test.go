package main

func Example() {
	main()
	// Output: Linux box 4.19.0-gvisor #1 SMP Sun Jan 10 15:06:54 PST 2016 x86_64 <nil>
}
