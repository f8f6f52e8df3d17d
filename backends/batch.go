package backends

// A Result is what became of a raw call: what [Process.Call] returns.
type Result struct {
	R0, R1 uintptr
	Err    error
}

// A Batcher is a [Process] that makes many calls in one crossing into its
// kernel.
type Batcher interface {
	// CallAll makes calls one after the other, whatever becomes of them, and
	// stores a result for each; results is as long as calls. Cancel of the
	// calls is not looked at: they should be such as do not wait.
	CallAll(calls []Call, results []Result)
}

// CallAll makes calls for p as [Batcher] has it, one by one where p is none.
func CallAll(p Process, calls []Call, results []Result) {
	if b, ok := p.(Batcher); ok {
		b.CallAll(calls, results)
		return
	}
	for i := range calls {
		r := &results[i]
		r.R0, r.R1, r.Err = p.Call(calls[i])
	}
}
