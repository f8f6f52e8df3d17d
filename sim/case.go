package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Case is what one run of a scenario is made of, and all that is needed to
// repeat it.
type Case struct {
	Seed uint64
	// Only are the numbers of the faults that happen; nil is all that the seed
	// draws.
	Only []int
	// Set are values of World.Int by name, in the place of those that the seed
	// draws.
	Set map[string]int
}

// String is the case in words, such as
//
//	42 only=1,7 clients=2
//
// where only= without numbers is no fault at all.
func (c Case) String() string {
	var b strings.Builder
	fmt.Fprint(&b, c.Seed)
	if c.Only != nil {
		var numbers []string
		for _, n := range c.Only {
			numbers = append(numbers, strconv.Itoa(n))
		}
		fmt.Fprint(&b, " only=", strings.Join(numbers, ","))
	}
	for _, name := range sortedNames(c.Set) {
		fmt.Fprintf(&b, " %s=%d", name, c.Set[name])
	}
	return b.String()
}

func sortedNames[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ParseCase reads what String writes.
func ParseCase(text string) (Case, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return Case{}, fmt.Errorf("case %q: want a seed, such as 42", text)
	}
	seed, err := strconv.ParseUint(words[0], 10, 64)
	if err != nil {
		return Case{}, fmt.Errorf("case %q: %q is no seed: want a number from 0 to %d", text, words[0], uint64(1<<64-1))
	}
	c := Case{Seed: seed}
	for _, word := range words[1:] {
		if err := c.add(word); err != nil {
			return Case{}, fmt.Errorf("case %q: %w", text, err)
		}
	}
	return c, nil
}

func (c *Case) add(word string) error {
	name, value, ok := strings.Cut(word, "=")
	if !ok || name == "" {
		return fmt.Errorf("%q: want only=NUMBER,… or NAME=NUMBER", word)
	}
	if name == "only" {
		c.Only = []int{}
		for _, text := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' }) {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return fmt.Errorf("%q is no number of a fault", text)
			}
			c.Only = append(c.Only, n)
		}
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("%s=%s: not a number", name, value)
	}
	if c.Set == nil {
		c.Set = map[string]int{}
	}
	c.Set[name] = n
	return nil
}

// Options are the options of the case, over those of o.
func (c Case) Options(o Options) Options {
	o.Only = c.Only
	o.Set = c.Set
	return o
}

// ParseSeeds reads a range of seeds: A..B, both included, or one seed.
func ParseSeeds(text string) (first, last uint64, err error) {
	a, b, isRange := strings.Cut(text, "..")
	if !isRange {
		b = a
	}
	if first, err = strconv.ParseUint(a, 10, 64); err == nil {
		last, err = strconv.ParseUint(b, 10, 64)
	}
	if err != nil || last < first || last-first == 1<<64-1 {
		return 0, 0, fmt.Errorf("%q are no seeds: want A..B, such as 0..999, or one", text)
	}
	return first, last, nil
}
