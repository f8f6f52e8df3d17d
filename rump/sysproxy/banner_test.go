package sysproxy

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

func TestBanner(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Banner
	}{
		// What rump_server says.
		{"RUMPSP-0.4-NetBSD-7.99.34/amd64\n", Banner{"NetBSD", "7.99.34", "amd64", false}},
		{"RUMPSP-0.4-NetBSD-10.99.1_PATCH-2/evbarm\n", Banner{"NetBSD", "10.99.1_PATCH-2", "evbarm", false}},
		{"RUMPSP-0.4-Linux-4.19.0-gvisor/x86_64 anykernel/1\n", Banner{"Linux", "4.19.0-gvisor", "x86_64", true}},
	} {
		got, err := ParseBanner(tc.text)
		if err != nil || got != tc.want {
			t.Errorf("ParseBanner(%q) = %+v, %v, want %+v", tc.text, got, err, tc.want)
		}
		if got.String() != tc.text {
			t.Errorf("%q is written as %q", tc.text, got)
		}
	}
}

func TestBannerRefuses(t *testing.T) {
	for _, text := range []string{
		"",
		"\n",
		"SSH-2.0-OpenSSH_9.2\n",
		"RUMPSP-0.3-NetBSD-7/amd64\n",
		"RUMPSP-0.4-NetBSD-7/amd64",
		"RUMPSP-0.4-NetBSD-7/\n",
		"RUMPSP-0.4-NetBSD-/amd64\n",
		"RUMPSP-0.4--7/amd64\n",
		"RUMPSP-0.4-NetBSD/amd64\n",
		"RUMPSP-0.4-NetBSD-7/amd\x1b[2J64\n",
		"RUMPSP-0.4-NetBSD-7/amd64\r\n",
		"RUMPSP-0.4-NetBSD-7/amd64\nRUMPSP\n",
		"RUMPSP-0.4-NetBSD-" + strings.Repeat("7", MaxBanner) + "/amd64\n",
	} {
		if b, err := ParseBanner(text); err == nil {
			t.Errorf("ParseBanner(%q) = %+v", text, b)
		}
	}
}

// TestBannerThatNeverEnds is read no further than banners go.
func TestBannerThatNeverEnds(t *testing.T) {
	in := strings.NewReader(strings.Repeat("RUMPSP-0.4-", 1000))
	r := bufio.NewReaderSize(in, 16)
	if b, err := readBanner(r); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("readBanner: %+v, %v", b, err)
	}
	if read := 11000 - in.Len(); read > MaxBanner+16+1 {
		t.Errorf("%d bytes were read", read)
	}
	if _, err := readBanner(bufio.NewReader(strings.NewReader("RUMPSP-0."))); err == nil || !strings.Contains(err.Error(), io.EOF.Error()) {
		t.Errorf("readBanner of the beginning of one: %v", err)
	}
}

func TestBannerOfLongNamesIsBounded(t *testing.T) {
	for _, calls := range []bool{false, true} {
		text := Banner{"NetBSD", strings.Repeat("7", 300), "amd64", calls}.String()
		if len(text) != MaxBanner || !strings.HasSuffix(text, "\n") {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	}
}

func FuzzParseBanner(f *testing.F) {
	for _, s := range []string{
		"RUMPSP-0.4-NetBSD-7.99.34/amd64\n", "RUMPSP-0.4-Linux-4.19.0-gvisor/x86_64 anykernel/1\n", "RUMPSP-0.4-a-b/c anykernel/1 anykernel/1\n", "RUMPSP-0.4-\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBanner(text)
		if err == nil && b.String() != text {
			t.Fatalf("%q is %+v, which is written as %q", text, b, b)
		}
		if again, _ := readBanner(bufio.NewReader(strings.NewReader(text))); err == nil && again != b {
			t.Fatalf("%q is %+v, and %+v when it is read", text, b, again)
		}
	})
}
