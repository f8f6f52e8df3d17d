package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A column is the heading of one column of a table.
type column struct {
	name  string
	right bool // align to the right, as numbers are
}

// A table is rows of text under headings.
type table struct {
	columns []column
	rows    [][]string
}

// newTable has a column for each name. A name behind ">" is that of a column
// aligned to the right.
func newTable(names ...string) *table {
	t := &table{}
	for _, n := range names {
		name, right := strings.CutPrefix(n, ">")
		t.columns = append(t.columns, column{name, right})
	}
	return t
}

// add appends a row. Cells that are missing are empty.
func (t *table) add(cells ...string) {
	t.rows = append(t.rows, append(cells, make([]string, len(t.columns)-len(cells))...))
}

// print writes the table for people: columns two spaces apart, and a cell of
// several lines as several lines.
func (t *table) print(w io.Writer) error {
	widths := t.widths()
	var b strings.Builder
	t.line(&b, t.names(), widths)
	for _, row := range t.rows {
		for _, line := range splitLines(row) {
			t.line(&b, line, widths)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printMarkdown writes the table in Markdown.
func (t *table) printMarkdown(w io.Writer) error {
	var b strings.Builder
	writeMarkdownRow(&b, t.names())
	rule := make([]string, len(t.columns))
	for i, c := range t.columns {
		rule[i] = "---"
		if c.right {
			rule[i] = "--:"
		}
	}
	writeMarkdownRow(&b, rule)
	for _, row := range t.rows {
		writeMarkdownRow(&b, row)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var markdownEscaper = strings.NewReplacer("|", `\|`, "\n", "<br>", "<", "&lt;")

func writeMarkdownRow(b *strings.Builder, cells []string) {
	for _, c := range cells {
		fmt.Fprintf(b, "| %s ", markdownEscaper.Replace(c))
	}
	b.WriteString("|\n")
}

func (t *table) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for _, row := range append([][]string{t.names()}, t.rows...) {
		for i, cell := range row {
			for line := range strings.SplitSeq(cell, "\n") {
				widths[i] = max(widths[i], utf8.RuneCountInString(line))
			}
		}
	}
	return widths
}

func (t *table) line(b *strings.Builder, cells []string, widths []int) {
	var line strings.Builder
	for i, cell := range cells {
		if i > 0 {
			line.WriteString("  ")
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if t.columns[i].right {
			line.WriteString(pad + cell)
		} else {
			line.WriteString(cell + pad)
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// splitLines is a row as the lines that it takes.
func splitLines(row []string) [][]string {
	var lines [][]string
	for i, cell := range row {
		for n, text := range strings.Split(cell, "\n") {
			if n == len(lines) {
				lines = append(lines, make([]string, len(row)))
			}
			lines[n][i] = text
		}
	}
	return lines
}
