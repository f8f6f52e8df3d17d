package netlab

import (
	"fmt"
	"strings"
)

// Change changes the conditions of a link, in the words of a topology: of both
// ways of a--b, or of the one way of a->b.
func (l *Lab) Change(link, conditions string) error {
	if from, to, ok := strings.Cut(link, "->"); ok {
		return l.changeWay(from, to, conditions)
	}
	a, b, ok := strings.Cut(link, "--")
	if !ok {
		return fmt.Errorf("%q is no link such as a--b, and no way of one such as a->b", link)
	}
	if err := l.changeWay(a, b, conditions); err != nil {
		return err
	}
	return l.changeWay(b, a, conditions)
}

func (l *Lab) changeWay(from, to, conditions string) error {
	link, end, err := l.Way(from, to)
	if err != nil {
		return err
	}
	c, err := link.Conditions(end)
	if err != nil {
		return err
	}
	if err := c.Apply(conditions); err != nil {
		return err
	}
	return link.SetFrom(end, c)
}
