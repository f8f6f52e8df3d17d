package tail

import "testing"

func TestBuffer(t *testing.T) {
	b := Buffer{Size: 5}
	for _, c := range []struct{ write, want string }{
		{"", ""}, {"abc", "abc"}, {"de", "abcde"}, {"f", "bcdef"}, {"0123456789", "56789"}, {"", "56789"},
	} {
		if n, err := b.Write([]byte(c.write)); n != len(c.write) || err != nil {
			t.Errorf("write %q: %d, %v", c.write, n, err)
		}
		if got := b.String(); got != c.want {
			t.Errorf("behind %q it is %q, want %q", c.write, got, c.want)
		}
	}
	b.Bytes()[0] = 'x'
	if got := b.String(); got != "56789" {
		t.Errorf("%q: what Bytes gives is not a copy", got)
	}
}
