package disk

const (
	pageSize  = 4096
	tableSize = 512
)

// pages is the memory of a disk: a table of tables of pages, as a processor
// has it. Copies share tables and pages; who writes one that it does not own
// copies it first.
type pages struct {
	top   []*table
	owner *owner
	own   int64 // pages and tables that were made or copied here; both are as large
}

// An owner is a name for one of several copies. It has a size, so that no two
// have the same address.
type owner struct{ _ byte }

type table struct {
	owner *owner
	pages [tableSize]*page
}

type page struct {
	owner *owner
	data  [pageSize]byte
}

func newPages(size int64) pages {
	const span = pageSize * tableSize
	return pages{top: make([]*table, (size+span-1)/span), owner: new(owner)}
}

// copy is a copy. Nothing is owned by either side afterwards.
func (p *pages) copy() pages {
	p.owner, p.own = new(owner), 0
	return pages{top: append([]*table(nil), p.top...), owner: new(owner)}
}

// get is page i, nil where nothing was written.
func (p *pages) get(i int64) *page {
	if t := p.top[i/tableSize]; t != nil {
		return t.pages[i%tableSize]
	}
	return nil
}

// owns reports whether page i can be written without a copy.
func (p *pages) owns(i int64) bool {
	g := p.get(i)
	return g != nil && g.owner == p.owner
}

// cost is what set(i) adds to own.
func (p *pages) cost(i int64) int64 {
	if t := p.top[i/tableSize]; t == nil || t.owner != p.owner {
		return 2
	}
	return 1
}

// set makes page i one of ours with the content of from, or zeros.
func (p *pages) set(i int64, from *page) *page {
	t := p.top[i/tableSize]
	if t == nil || t.owner != p.owner {
		mine := &table{owner: p.owner}
		if t != nil {
			mine.pages = t.pages
		}
		t = mine
		p.top[i/tableSize] = t
		p.own++
	}
	g := &page{owner: p.owner}
	if from != nil {
		g.data = from.data
	}
	t.pages[i%tableSize] = g
	p.own++
	return g
}
