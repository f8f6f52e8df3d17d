package applets

import (
	"bufio"
	"cmp"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
)

var grep = &Applet{
	Name:     "grep",
	Summary:  "write the lines that match a regular expression (RE2)",
	Synopsis: "[-cFiqv] PATTERN [FILE...]",
	flags: func(f *pflag.FlagSet) action {
		g := &grepper{}
		f.BoolVarP(&g.count, "count", "c", false, "write how many lines match instead")
		f.BoolVarP(&g.fixed, "fixed-strings", "F", false, "the pattern is a plain string")
		f.BoolVarP(&g.fold, "ignore-case", "i", false, "upper and lower case are the same")
		f.BoolVarP(&g.quiet, "quiet", "q", false, "write nothing")
		f.BoolVarP(&g.invert, "invert-match", "v", false, "the lines that do not match")
		return g.run
	},
}

type grepper struct {
	count, fixed, fold, quiet, invert bool

	re    *regexp.Regexp
	named bool // lines are written behind the name of their file
	found bool
}

func (g *grepper) run(j *job, args []string) (err error) {
	if err := operands(args, 1, -1); err != nil {
		return err
	}
	if g.re, err = g.compile(args[0]); err != nil {
		return usageError{err}
	}
	g.named = len(args) > 2
	if err := j.input(args[1:], func(name string, r io.Reader) error { return g.grep(j, name, r) }); err != nil {
		return err
	}
	switch {
	case j.status != 0:
		return exitError(2)
	case !g.found:
		return exitError(1)
	}
	return nil
}

func (g *grepper) compile(pattern string) (*regexp.Regexp, error) {
	if g.fixed {
		pattern = regexp.QuoteMeta(pattern)
	}
	if g.fold {
		pattern = "(?i)" + pattern
	}
	return regexp.Compile(pattern)
}

func (g *grepper) grep(j *job, name string, r io.Reader) error {
	prefix, n := "", 0
	if g.named {
		prefix = name + ":"
	}
	err := eachLine(j.bound(r), func(line string) error {
		if g.re.MatchString(line) == g.invert {
			return nil
		}
		n++
		if !g.quiet && !g.count {
			j.printf("%s%s\n", prefix, line)
		}
		return nil
	})
	g.found = g.found || n > 0
	if g.count && !g.quiet {
		j.printf("%s%d\n", prefix, n)
	}
	return err
}

var wc = &Applet{
	Name:     "wc",
	Summary:  "count lines, words and bytes",
	Synopsis: "[-lwc] [FILE...]",
	flags: func(f *pflag.FlagSet) action {
		lines := f.BoolP("lines", "l", false, "lines")
		words := f.BoolP("words", "w", false, "words")
		bytes := f.BoolP("bytes", "c", false, "bytes")
		return func(j *job, args []string) error {
			show := [3]bool{*lines, *words, *bytes}
			if show == [3]bool{} {
				show = [3]bool{true, true, true}
			}
			return runWc(j, args, show)
		}
	},
}

func runWc(j *job, args []string, show [3]bool) error {
	var total [3]int64
	print := func(counts [3]int64, name string) {
		var fields []string
		for i, n := range counts {
			if show[i] {
				fields = append(fields, strconv.FormatInt(n, 10))
			}
		}
		if name != "-" {
			fields = append(fields, name)
		}
		j.printf("%s\n", strings.Join(fields, " "))
	}
	err := j.input(args, func(name string, r io.Reader) error {
		counts, err := count(j.bound(r))
		for i := range total {
			total[i] += counts[i]
		}
		print(counts, name)
		return err
	})
	if len(args) > 1 {
		print(total, "total")
	}
	return err
}

// count is the lines, words and bytes of r.
func count(r io.Reader) (n [3]int64, err error) {
	in := bufio.NewReaderSize(r, copyBuffer)
	inWord := false
	for {
		c, size, err := in.ReadRune()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n[2] += int64(size)
		if c == '\n' {
			n[0]++
		}
		space := unicode.IsSpace(c)
		if !space && !inWord {
			n[1]++
		}
		inWord = !space
	}
}

var sortApplet = &Applet{
	Name:     "sort",
	Summary:  "write lines in order",
	Synopsis: "[-nru] [FILE...]",
	flags: func(f *pflag.FlagSet) action {
		numeric := f.BoolP("numeric", "n", false, "by the number that the line begins with")
		reverse := f.BoolP("reverse", "r", false, "the other way round")
		unique := f.BoolP("unique", "u", false, "each line once")
		return func(j *job, args []string) error {
			order := strings.Compare
			if *numeric {
				order = compareNumbers
			}
			return runSort(j, args, order, *reverse, *unique)
		}
	},
}

func runSort(j *job, args []string, order func(a, b string) int, reverse, unique bool) error {
	var lines []string
	err := j.input(args, func(_ string, r io.Reader) error {
		return eachLine(j.bound(r), func(line string) error {
			lines = append(lines, line)
			return nil
		})
	})
	slices.SortStableFunc(lines, order)
	if unique {
		lines = slices.CompactFunc(lines, func(a, b string) bool { return order(a, b) == 0 })
	}
	if reverse {
		slices.Reverse(lines)
	}
	for _, line := range lines {
		j.printf("%s\n", line)
	}
	return err
}

// compareNumbers orders lines by the decimal number that they begin with, and
// equal numbers by text.
func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(leadingNumber(a), leadingNumber(b)), strings.Compare(a, b))
}

func leadingNumber(s string) float64 {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] == '-' && end == 0 || s[end] == '.' || '0' <= s[end] && s[end] <= '9') {
		end++
	}
	n, _ := strconv.ParseFloat(s[:end], 64)
	return n
}
