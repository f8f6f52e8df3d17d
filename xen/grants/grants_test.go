package grants

import (
	"testing"

	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
)

func TestGrants(t *testing.T) {
	mem := shmtest.New(4096).At(shmtest.Base, 4096)
	table := New(mem)
	seen := map[Ref]bool{}
	for i := range 512 - reserved {
		r, err := table.Grant(7, uint64(i)<<pageShift, i%2 == 1)
		if err != nil {
			t.Fatal(err)
		}
		if r < reserved || r >= 512 || seen[r] {
			t.Fatalf("grant %d", r)
		}
		seen[r] = true
		flags := uint32(permitAccess)
		if i%2 == 1 {
			flags |= readOnly
		}
		if mem.Load32(int(r)*entrySize) != 7<<16|flags || mem.Load32(int(r)*entrySize+4) != uint32(i) {
			t.Fatalf("entry %d is %#x", r, mem.Load64(int(r)*entrySize))
		}
	}
	if _, err := table.Grant(7, 0, false); err == nil {
		t.Error("a grant beyond the table")
	}
	if err := table.End(9); err != nil {
		t.Error(err)
	}
	if r, err := table.Grant(1, 0x5000, false); r != 9 || err != nil {
		t.Errorf("the entry that is free is %d, %v, want 9", r, err)
	}
	mem.Store32(9*entrySize, mem.Load32(9*entrySize)|writing)
	if err := table.End(9); err == nil {
		t.Error("a grant in use was ended")
	}
	mem.Store32(9*entrySize, 0)
	if err := table.End(9); err == nil {
		t.Error("a grant that is none was ended")
	}
	if _, err := table.Grant(1, 1<<50, false); err == nil {
		t.Error("a frame that does not fit was granted")
	}
}

func TestGrantRegion(t *testing.T) {
	table := New(shmtest.New(4096).At(shmtest.Base, 4096))
	r, err := shmtest.New(3 << pageShift).Alloc(3 << pageShift)
	if err != nil {
		t.Fatal(err)
	}
	if refs, err := table.GrantRegion(0, r, false); len(refs) != 3 || err != nil {
		t.Errorf("%v, %v", refs, err)
	}
	r.Address = 1 << 60
	if _, err := table.GrantRegion(0, r, false); err == nil {
		t.Error("a region that does not fit was granted")
	}
}
