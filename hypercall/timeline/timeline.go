package timeline

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/record"
)

// MaxItems bounds what a page has: more would be slow to look at. The page says
// where it was cut.
const MaxItems = 200_000

//go:embed page.html
var pageText string

// page is HTML in which what comes from a recording is escaped.
var page = template.Must(template.New("page").Parse(pageText))

// Write reads a recording and writes the page.
func Write(w io.Writer, r *record.Reader) error {
	c := collector{lanes: map[laneKey]int{}, open: map[openKey][]int{}, sent: map[string][]int{}}
	for {
		x, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		c.add(x)
	}
	data, err := json.Marshal(c.data(r.Header))
	if err != nil {
		return err
	}
	return page.Execute(w, map[string]any{
		"Title": strings.Join(r.Header.Program, " "),
		"Data":  template.JS(data), // JSON of encoding/json has no < in it
	})
}

// A lane is a row of the page.
type lane struct {
	Kernel string `json:"kernel"`
	Name   string `json:"name"`
}

type laneKey struct{ kernel, name string }

// An item is something on a lane. Its fields are short names, as there are many.
type item struct {
	Lane int     `json:"l"`
	Kind string  `json:"k"` // syscall, hypercall, frame, fault
	Name string  `json:"n"`
	From float64 `json:"a"` // ms
	To   float64 `json:"b"`
	Text string  `json:"t,omitempty"`
	Err  string  `json:"e,omitempty"`
	Peer int     `json:"p,omitempty"` // the item that a frame came from, plus 1
	open bool
}

type openKey struct {
	kernel, name string
	pid          int
}

// A collector makes items of entries.
type collector struct {
	order []lane
	lanes map[laneKey]int
	items []item
	open  map[openKey][]int // that have not ended
	sent  map[string][]int  // frames that have not arrived, by content
	more  int
	end   time.Duration
}

func (c *collector) data(h record.Header) any {
	for i := range c.items {
		if c.items[i].open {
			c.items[i].To = ms(c.end)
		}
	}
	return map[string]any{"lanes": c.order, "items": c.items, "more": c.more, "case": h.Case, "made": h.Made, "end": ms(c.end)}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (c *collector) add(x *record.Entry) {
	c.end = max(c.end, x.Time)
	key := openKey{x.Kernel, x.Name, x.PID}
	if !x.Begins {
		c.finish(key, x)
		return
	}
	if len(c.items) == MaxItems {
		c.more++
		return
	}
	it := item{Kind: "hypercall", Name: x.Name, From: ms(x.Time), To: ms(x.Time)}
	lane := "host"
	switch x.Name {
	case hypercall.EventSyscall:
		it.Kind, it.Name, lane = "syscall", x.Args.Text("call"), fmt.Sprintf("process %d", x.PID)
	case hypercall.EventFrame:
		it.Kind, it.Name, lane = "frame", x.Args.Text("dir"), "frames"
	case "fault":
		it.Kind, it.Name, lane = "fault", x.Args.Text("what"), "faults"
	}
	it.Lane = c.lane(x.Kernel, lane)
	it.Text = text(x.Args)
	n := len(c.items)
	if x.Name == hypercall.EventFrame {
		it.Text = describe(x.Args)
		it.Peer = c.match(x, n)
	}
	if x.Ends {
		it.answer(x)
	} else {
		it.open = true
		c.open[key] = append(c.open[key], n)
	}
	c.items = append(c.items, it)
}

// finish is the end of the last event of this kind that has begun.
func (c *collector) finish(key openKey, x *record.Entry) {
	list := c.open[key]
	if len(list) == 0 {
		return // it was left out
	}
	it := &c.items[list[len(list)-1]]
	c.open[key] = list[:len(list)-1]
	it.To, it.open = ms(x.Time), false
	it.answer(x)
}

func (it *item) answer(x *record.Entry) {
	if len(x.Results) > 0 && it.Kind != "frame" {
		it.Text += " = " + text(x.Results)
	}
	if x.Err != nil {
		it.Err = short(x.Err.Error())
	}
}

func (c *collector) lane(kernel, name string) int {
	key := laneKey{kernel, name}
	n, ok := c.lanes[key]
	if !ok {
		n = len(c.order)
		c.lanes[key] = n
		c.order = append(c.order, lane{kernel, name})
	}
	return n
}

// match is the frame, plus 1, that went out as this one came in.
func (c *collector) match(x *record.Entry, n int) int {
	content := fmt.Sprint(x.Args.Get("data"))
	if x.Args.Text("dir") == "out" {
		c.sent[content] = append(c.sent[content], n)
		return 0
	}
	list := c.sent[content]
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1] + 1 // it may come twice
}

// text is fields in short.
func text(fields hypercall.Fields) string {
	var b strings.Builder
	for _, f := range fields {
		if f.Name == "call" || f.Name == "number" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%s", f.Name, record.Text(f.Value))
	}
	return short(b.String())
}

// maxText bounds the text of an item, in bytes.
const maxText = 300

func short(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
