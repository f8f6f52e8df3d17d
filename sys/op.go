package sys

// An op is a call of this package. What it is called, and numbered, is the
// ABI's affair.
type op uint8

const (
	opClose op = iota
	opGetpid
	opOpenat
	opRead
	opWrite
	opPread
	opPwrite
	opCount
)

// opInfo is how an op is found in an ABI.
type opInfo struct {
	names []string // the names that it goes by, the best first
	pad   int8     // position of a padding argument in ABIs that pad offsets; 0 for none
}

var opNames = [opCount]opInfo{
	opClose:  {names: []string{"close"}},
	opGetpid: {names: []string{"getpid"}},
	opOpenat: {names: []string{"openat"}},
	opRead:   {names: []string{"read"}},
	opWrite:  {names: []string{"write"}},
	opPread:  {names: []string{"pread64", "pread"}, pad: 3},
	opPwrite: {names: []string{"pwrite64", "pwrite"}, pad: 3},
}
