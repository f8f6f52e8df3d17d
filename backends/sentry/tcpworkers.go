//go:build linux && (amd64 || arm64)

package sentry

import (
	"reflect"
	"sync"

	"gvisor.dev/gvisor/pkg/sleep"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// The workers of gVisor's TCP handle every segment that arrives, on goroutines
// that gVisor starts with the stack; a panic there would end the program. They
// are ended before the stack is used, and started again on goroutines that end
// only the kernel.

// The types that hold the workers; nil in a gVisor that is different.
var (
	tcpProtocol   = elemType(fieldType(reflect.TypeFor[tcp.Endpoint](), "protocol"))
	tcpDispatcher = fieldType(tcpProtocol, "dispatcher")
	tcpWorkers    = fieldType(tcpDispatcher, "processors")
	tcpWorker     = elemType(tcpWorkers)
)

var (
	dispatcher     = privateField{in: tcpProtocol, name: "dispatcher", typ: tcpDispatcher}
	workersRunning = privateField{in: tcpDispatcher, name: "wg", typ: reflect.TypeFor[sync.WaitGroup]()}
	workersClosed  = privateField{in: tcpDispatcher, name: "closed", typ: reflect.TypeFor[bool]()}
	workers        = privateField{in: tcpDispatcher, name: "processors", typ: tcpWorkers}
	workerSleeper  = privateField{in: tcpWorker, name: "sleeper", typ: reflect.TypeFor[sleep.Sleeper]()}
	workerEndpoint = privateField{in: tcpWorker, name: "newEndpointWaker", typ: reflect.TypeFor[sleep.Waker]()}
	workerClose    = privateField{in: tcpWorker, name: "closeWaker", typ: reflect.TypeFor[sleep.Waker]()}
	workerPause    = privateField{in: tcpWorker, name: "pauseWaker", typ: reflect.TypeFor[sleep.Waker]()}
)

// ownWorkers has the workers of a stack that nobody uses yet run on goroutines
// of this package.
func (k *Kernel) ownWorkers(s *stack.Stack) {
	protocol := endWorkers(s)
	k.mu.Lock()
	k.nets[s] = struct{}{}
	k.mu.Unlock()
	d := dispatcher.of(reflect.ValueOf(protocol).UnsafePointer())
	*(*bool)(workersClosed.of(d)) = false
	running := (*sync.WaitGroup)(workersRunning.of(d))
	all := reflect.NewAt(tcpWorkers, workers.of(d)).Elem()
	for i := range all.Len() {
		w := all.Index(i).Addr().UnsafePointer()
		sleeper := (*sleep.Sleeper)(workerSleeper.of(w))
		for _, f := range []*privateField{&workerEndpoint, &workerClose, &workerPause} {
			sleeper.AddWaker((*sleep.Waker)(f.of(w)))
		}
		running.Add(1)
		go func() {
			k.contain(func() { runWorker(w, running) })
			k.workerEnded(s)
		}()
	}
}

// workerEnded forgets the stack, which is being destroyed; but where the
// kernel has panicked, other workers still run.
func (k *Kernel) workerEnded(s *stack.Stack) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.isDead() {
		delete(k.nets, s)
	}
}

// endWorkers ends the workers of a stack and waits for their end.
func endWorkers(s *stack.Stack) stack.TransportProtocol {
	protocol := s.TransportProtocolInstance(tcp.ProtocolNumber)
	protocol.Close()
	protocol.Wait()
	return protocol
}
