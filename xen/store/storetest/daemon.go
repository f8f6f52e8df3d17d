// Package storetest is a small xenstored, for tests of what asks it: values,
// watches and transactions of one client.
//
// What may be in this room: the other side of package store, and nothing of
// that package, so that a mistake in its messages shows.
package storetest

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"
)

// Types of messages (public/io/xs_wire.h).
const (
	directory        = 1
	read             = 2
	watch            = 4
	unwatch          = 5
	transactionStart = 6
	transactionEnd   = 7
	write            = 11
	mkdir            = 12
	remove           = 13
	watchEvent       = 15
	failure          = 16
)

// headerSize is the size of type, request, transaction and payload's size.
const headerSize = 16

// A Daemon is an xenstored. Its methods may be called concurrently.
type Daemon struct {
	mu           sync.Mutex
	changed      sync.Cond
	conn         io.ReadWriter     // nil: there is no client
	values       map[string]string // by path
	watches      map[string]string // token: path
	transactions map[uint32]*transaction
	next         uint32
	busy         int
}

// A transaction is what a client sees until its end.
type transaction struct {
	values  map[string]string
	touched []string
}

// New is a daemon without values.
func New() *Daemon {
	d := &Daemon{values: map[string]string{}, watches: map[string]string{}, transactions: map[uint32]*transaction{}}
	d.changed.L = &d.mu
	return d
}

// Serve answers a client until its connection ends.
func (d *Daemon) Serve(conn io.ReadWriter) {
	d.mu.Lock()
	d.conn = conn
	d.mu.Unlock()
	var h [headerSize]byte
	for {
		if _, err := io.ReadFull(conn, h[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32(h[12:]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		d.answer(binary.LittleEndian.Uint32(h[:]), binary.LittleEndian.Uint32(h[4:]), binary.LittleEndian.Uint32(h[8:]), string(payload))
	}
}

func (d *Daemon) answer(kind, request, tx uint32, payload string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fire := []string(nil)
	reply, failed := "", ""
	if t := d.transactions[tx]; tx != 0 && t == nil {
		failed = "ENOENT"
	} else if t != nil && kind != transactionEnd {
		reply, failed, t.touched = d.do(t.values, kind, payload, t.touched)
	} else if kind == transactionEnd {
		fire, failed = d.commit(t, payload)
		delete(d.transactions, tx)
	} else {
		reply, failed, fire = d.do(d.values, kind, payload, nil)
	}
	if failed != "" {
		kind, reply = failure, failed+"\x00"
	}
	d.send(kind, request, reply)
	if path, token, _ := strings.Cut(payload, "\x00"); kind == watch {
		d.event(path, strings.TrimRight(token, "\x00")) // each watch begins with an event
	}
	d.fire(fire)
}

// do carries out one request on values. What it changes is added to touched.
func (d *Daemon) do(values map[string]string, kind uint32, payload string, touched []string) (reply, failed string, _ []string) {
	path, rest, _ := strings.Cut(payload, "\x00")
	switch kind {
	case read:
		v, ok := values[path]
		if !ok {
			return "", "ENOENT", touched
		}
		return v, "", touched
	case write:
		values[path] = rest
		return "OK\x00", "", append(touched, path)
	case mkdir:
		if _, ok := values[path]; !ok {
			values[path] = ""
		}
		return "OK\x00", "", append(touched, path)
	case remove:
		maps.DeleteFunc(values, func(k, _ string) bool { return below(k, path) })
		return "OK\x00", "", append(touched, path)
	case directory:
		return names(values, path), "", touched
	case watch:
		d.watches[strings.TrimRight(rest, "\x00")] = path
		return "OK\x00", "", touched
	case unwatch:
		delete(d.watches, strings.TrimRight(rest, "\x00"))
		return "OK\x00", "", touched
	case transactionStart:
		d.next++
		d.transactions[d.next] = &transaction{values: maps.Clone(values)}
		return fmt.Sprintf("%d\x00", d.next), "", touched
	}
	return "", "EINVAL", touched
}

// commit ends a transaction. What others changed meanwhile is kept: who wants
// a conflict says so by Busy.
func (d *Daemon) commit(t *transaction, payload string) (fire []string, failed string) {
	switch {
	case t == nil:
		return nil, "EINVAL"
	case payload != "T\x00":
		return nil, ""
	case d.busy > 0:
		d.busy--
		return nil, "EAGAIN"
	}
	for _, path := range t.touched {
		if v, ok := t.values[path]; ok {
			d.values[path] = v
		} else {
			maps.DeleteFunc(d.values, func(k, _ string) bool { return below(k, path) })
		}
	}
	return t.touched, ""
}

func below(path, at string) bool { return path == at || strings.HasPrefix(path, at+"/") }

// names is the names directly below a path, each once.
func names(values map[string]string, path string) string {
	all := ""
	seen := map[string]bool{}
	for k := range values {
		rest, ok := strings.CutPrefix(k, path+"/")
		name, _, _ := strings.Cut(rest, "/")
		if ok && !seen[name] {
			seen[name] = true
			all += name + "\x00"
		}
	}
	return all
}

// fire tells of changes, and wakes who waits for them.
func (d *Daemon) fire(paths []string) {
	for _, path := range paths {
		for token, at := range d.watches {
			if below(path, at) {
				d.event(path, token)
			}
		}
	}
	d.changed.Broadcast()
}

func (d *Daemon) event(path, token string) { d.send(watchEvent, 0, path+"\x00"+token+"\x00") }

func (d *Daemon) send(kind, request uint32, payload string) {
	if d.conn == nil {
		return
	}
	b := make([]byte, headerSize, headerSize+len(payload))
	binary.LittleEndian.PutUint32(b, kind)
	binary.LittleEndian.PutUint32(b[4:], request)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(payload)))
	d.conn.Write(append(b, payload...)) // an error ends Serve as well
}

// Busy lets the next n transactions end with EAGAIN.
func (d *Daemon) Busy(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = n
}

// Set writes a value, as another domain does.
func (d *Daemon) Set(path, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.values[path] = value
	d.fire([]string{path})
}

// Get is a value.
func (d *Daemon) Get(path string) (value string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	value, ok = d.values[path]
	return value, ok
}

// awaitTime is how long something may take that a test waits for.
const awaitTime = 20 * time.Second

// Await waits until a path has a value, and fails the test where it does not
// come.
func (d *Daemon) Await(t testing.TB, path, value string) {
	t.Helper()
	late := false
	timer := time.AfterFunc(awaitTime, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		late = true
		d.changed.Broadcast()
	})
	defer timer.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.values[path] != value {
		if late {
			t.Fatalf("xenstore: %s is %q, and did not become %q", path, d.values[path], value)
		}
		d.changed.Wait()
	}
}
