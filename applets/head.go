package applets

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

var head = &Applet{
	Name:     "head",
	Summary:  "write the first lines of files",
	Synopsis: "[-n LINES | -LINES | -c BYTES] [FILE...]",
	classic:  lineCount,
	flags: func(f *pflag.FlagSet) action {
		lines := f.IntP("lines", "n", 10, "number of lines")
		bytes := f.Int64P("bytes", "c", -1, "number of bytes instead")
		return func(j *job, args []string) error {
			return j.input(args, func(_ string, r io.Reader) error {
				if *bytes >= 0 {
					return j.copy(j.stdout, io.LimitReader(r, *bytes))
				}
				return j.headLines(r, *lines)
			})
		}
	},
}

// lineCount turns a first argument such as "-3" into "-n 3".
func lineCount(args []string) []string {
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if _, err := strconv.ParseUint(args[0][1:], 10, 31); err == nil {
			return append([]string{"-n", args[0][1:]}, args[1:]...)
		}
	}
	return args
}

func (j *job) headLines(r io.Reader, n int) error {
	in := bufio.NewReader(r)
	for range n {
		line, err := in.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			j.stdout.Write(line)
			line, err = in.ReadSlice('\n')
		}
		if _, werr := j.stdout.Write(line); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var tail = &Applet{
	Name:     "tail",
	Summary:  "write the last lines of files",
	Synopsis: "[-n LINES | -LINES] [FILE...]",
	classic:  lineCount,
	flags: func(f *pflag.FlagSet) action {
		lines := f.IntP("lines", "n", 10, "number of lines")
		return func(j *job, args []string) error {
			return j.input(args, func(_ string, r io.Reader) error {
				return j.tailLines(r, *lines)
			})
		}
	},
}

func (j *job) tailLines(r io.Reader, n int) error {
	if n <= 0 {
		return nil
	}
	var ring []string // the last n lines; the oldest at next
	next := 0
	err := eachLine(r, func(line string) error {
		if len(ring) < n {
			ring = append(ring, line)
		} else {
			ring[next] = line
			next = (next + 1) % n
		}
		return nil
	})
	for i := range ring {
		j.printf("%s\n", ring[(next+i)%len(ring)])
	}
	return err
}
