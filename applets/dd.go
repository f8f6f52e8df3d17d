package applets

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/sys"
)

var dd = &Applet{
	Name:     "dd",
	Summary:  "copy blocks",
	Synopsis: "[if=FILE] [of=FILE] [bs=SIZE] [count=N] [skip=N] [seek=N] [conv=notrunc]",
	raw:      true,
	flags:    simple(runDd),
}

// A blockCopy is what dd is told.
type blockCopy struct {
	in, out    string
	size       int64
	count      int64 // blocks; -1: to the end
	skip, seek int64 // blocks
	keep       bool  // do not truncate the output
}

// maxBlock bounds dd's buffer, in bytes.
const maxBlock = 1 << 30

func runDd(j *job, args []string) error {
	c, err := parseBlockCopy(args)
	if err != nil {
		return usageError{err}
	}
	in, err := c.input(j)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := c.output(j)
	if err != nil {
		return err
	}
	whole, part, err := c.copy(j, out, in)
	fmt.Fprintf(j.stderr, "%d+%d records\n%d bytes copied\n", whole, min(part, 1), whole*c.size+part)
	return errors.Join(err, out.Close())
}

func parseBlockCopy(args []string) (*blockCopy, error) {
	c := &blockCopy{in: "-", out: "-", size: 512, count: -1}
	numbers := map[string]*int64{"bs": &c.size, "count": &c.count, "skip": &c.skip, "seek": &c.seek}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		var err error
		switch {
		case !ok:
			return nil, fmt.Errorf("operand %q is not KEY=VALUE", arg)
		case key == "if":
			c.in = value
		case key == "of":
			c.out = value
		case key == "conv" && value == "notrunc":
			c.keep = true
		case numbers[key] != nil:
			*numbers[key], err = parseSize(value)
		default:
			return nil, fmt.Errorf("unknown operand %q", arg)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if c.size < 1 || c.size > maxBlock {
		return nil, fmt.Errorf("bs: %d is not between 1 and %d", c.size, maxBlock)
	}
	return c, nil
}

// parseSize reads a number of bytes, such as "4096", "4k" or "1M".
func parseSize(text string) (int64, error) {
	const units = "kmgt"
	digits, unit := text, int64(1)
	if n := len(text); n > 0 {
		if i := strings.IndexByte(units, text[n-1]|0x20); i >= 0 {
			digits, unit = text[:n-1], int64(1)<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is no size: a number, with k, M, G or T behind it", text)
	}
	return n * unit, nil
}

func (c *blockCopy) input(j *job) (io.ReadCloser, error) {
	in, err := j.open(c.in)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", c.in, message(err))
	}
	if _, err := io.CopyN(io.Discard, in, c.skip*c.size); err != nil && err != io.EOF {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (c *blockCopy) output(j *job) (io.WriteCloser, error) {
	if c.out == "-" {
		return nopCloser{j.stdout}, nil
	}
	flags := sys.O_WRONLY | sys.O_CREAT | sys.O_CLOEXEC
	if !c.keep && c.seek == 0 {
		flags |= sys.O_TRUNC
	}
	f, err := j.p.Open(j.path(c.out), flags, 0o666)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", c.out, message(err))
	}
	return &offsetWriter{io.NewOffsetWriter(f, c.seek*c.size), f}, nil
}

// offsetWriter writes to a file from an offset on.
type offsetWriter struct {
	*io.OffsetWriter
	io.Closer
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// copy is the number of whole blocks copied, and the bytes of the last one
// where it was not whole.
func (c *blockCopy) copy(j *job, out io.Writer, in io.Reader) (whole, part int64, err error) {
	block := make([]byte, c.size)
	for c.count < 0 || whole < c.count {
		n, err := io.ReadFull(j.bound(in), block)
		if _, err := out.Write(block[:n]); err != nil {
			return whole, part, err
		}
		switch {
		case err == io.EOF:
			return whole, 0, nil
		case err != nil && err != io.ErrUnexpectedEOF:
			return whole, int64(n), err
		case n < len(block):
			return whole, int64(n), nil
		}
		whole++
	}
	return whole, 0, nil
}
