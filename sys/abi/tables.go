package abi

import (
	"slices"
	"strings"
)

// Table is every constant whose name begins with a prefix, such as "O_",
// "AF_" or "SIG", sorted by name. The caller may not change it.
func (a *ABI) Table(prefix string) []Number {
	all := a.Consts()
	start, _ := find(all, prefix, numberName)
	end := start
	for end < len(all) && strings.HasPrefix(all[end].Name, prefix) {
		end++
	}
	return all[start:end:end]
}

// Prefixes is the prefixes that tell the tables of constants apart: names up
// to their first underscore, where at least two constants share it. They are
// sorted; each is one for [ABI.Table].
func (a *ABI) Prefixes() []string {
	var list []string
	count := 0
	last := ""
	for _, c := range a.Consts() {
		i := strings.IndexByte(strings.TrimLeft(c.Name, "_"), '_')
		if i < 0 {
			continue
		}
		prefix := c.Name[:len(c.Name)-len(strings.TrimLeft(c.Name, "_"))+i+1]
		if prefix != last {
			last, count = prefix, 0
		}
		if count++; count == 2 {
			list = append(list, prefix)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
