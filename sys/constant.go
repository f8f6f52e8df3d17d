package sys

import "github.com/anykernel/anykernel/sys/abi"

// synonyms are names of this package, which are Linux's, for what another
// system has under its own.
var synonyms = map[string]string{"MNT_REMOUNT": "MNT_UPDATE"}

// constant is a constant of an ABI, under its own name or its synonym.
func constant(a *abi.ABI, name string) (int64, bool) {
	if v, ok := a.Const(name); ok {
		return v, true
	}
	if synonym, ok := synonyms[name]; ok {
		return a.Const(synonym)
	}
	return 0, false
}
