package applets

import (
	"strings"
	"unicode/utf8"
)

// columns prints rows of cells, one space apart. Columns are aligned to the
// right, except those that left marks with "l" (by position, the last mark
// standing for all that follow); without any mark, as numbers are. The last
// column is never padded.
func (j *job) columns(rows [][]string, align string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteByte(' ')
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == len(row)-1 || leftAligned(align, i) {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		j.printf("%s\n", strings.TrimRight(line.String(), " "))
	}
}

func leftAligned(align string, i int) bool { return i < len(align) && align[i] == 'l' }
