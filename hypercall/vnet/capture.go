package vnet

import (
	"errors"
	"io"
	"sync"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// A Capture writes what enters links to a pcapng file, as Wireshark reads it.
// Each way of a link is an interface of the file, such as "a>sw". A frame is
// recorded as it was sent, with a comment that says what the link did to it.
type Capture struct {
	cancel func()

	mu     sync.Mutex
	file   *pcapgo.NgWriter // nil: nothing was written yet
	w      io.Writer
	ways   map[[2]string]int
	err    error // the first; nothing is written after it
	closed bool
}

// Capture records the link. The writer is used until Close, and not closed.
func (l *Link) Capture(w io.Writer) *Capture {
	c := NewCapture(w)
	c.cancel = l.Tap(c.Record)
	return c
}

// Capture records all links.
func (n *Network) Capture(w io.Writer) *Capture {
	c := NewCapture(w)
	c.cancel = n.Tap(c.Record)
	return c
}

// NewCapture records what it is given by Record. The writer is used until Close,
// and not closed.
func NewCapture(w io.Writer) *Capture {
	return &Capture{w: w, cancel: func() {}, ways: map[[2]string]int{}}
}

// Record records a frame, as a function that taps networks.
func (c *Capture) Record(p Passage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && !c.closed {
		c.err = c.write(p)
	}
}

func (c *Capture) write(p Passage) error {
	i, err := c.way([2]string{p.From, p.To})
	if err != nil {
		return err
	}
	info := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(p.Frame), Length: len(p.Frame), InterfaceIndex: i}
	var options pcapgo.NgPacketOptions
	if s := p.Fate.String(); s != "" {
		options.Comments = []string{s}
	}
	return c.file.WritePacketWithOptions(info, p.Frame, options)
}

// way is the number of an interface of the file.
func (c *Capture) way(ends [2]string) (int, error) {
	if i, ok := c.ways[ends]; ok {
		return i, nil
	}
	description := pcapgo.NgInterface{
		Name: ends[0] + ">" + ends[1], LinkType: layers.LinkTypeEthernet, TimestampResolution: 9,
	}
	var i int
	var err error
	if c.file == nil {
		c.file, err = pcapgo.NewNgWriterInterface(c.w, description, pcapgo.NgWriterOptions{
			SectionInfo: pcapgo.NgSectionInfo{Application: "anykernel"},
		})
	} else {
		i, err = c.file.AddInterface(description)
	}
	if err == nil {
		c.ways[ends] = i
	}
	return i, err
}

// Flush writes what was recorded up to now.
func (c *Capture) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flush()
}

func (c *Capture) flush() error {
	if c.file != nil && c.err == nil {
		c.err = c.file.Flush()
	}
	return c.err
}

// Close ends the recording. The error is the first that writing met.
func (c *Capture) Close() error {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errors.Join(c.err, errors.New("the capture was closed"))
	}
	c.closed = true
	if c.file == nil { // a file without packets is one that can be read, too
		if _, err := c.way([2]string{"-", "-"}); err != nil {
			return err
		}
	}
	return c.flush()
}
