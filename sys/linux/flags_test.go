package linux

import (
	"errors"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys"
	abilinux "github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
)

// allFlags are the types of flags with every one of their flags set, and the
// names that this must print as.
var allFlags = []struct {
	names *sys.FlagNames
	text  string
	value uint64
}{
	{eventfdFlags, "EFD_SEMAPHORE|EFD_NONBLOCK|EFD_CLOEXEC", uint64(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC)},
	{timerfdFlags, "TFD_NONBLOCK|TFD_CLOEXEC", uint64(TFD_NONBLOCK | TFD_CLOEXEC)},
	{timerFlags, "TFD_TIMER_ABSTIME|TFD_TIMER_CANCEL_ON_SET", uint64(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)},
	{signalfdFlags, "SFD_NONBLOCK|SFD_CLOEXEC", uint64(SFD_NONBLOCK | SFD_CLOEXEC)},
	{inotifyFlags, "IN_NONBLOCK|IN_CLOEXEC", uint64(IN_NONBLOCK | IN_CLOEXEC)},
	{inotifyMask, "IN_CLOSE|IN_CREATE|IN_ISDIR|IN_ONESHOT", uint64(IN_CLOSE | IN_CREATE | IN_ISDIR | IN_ONESHOT)},
	{epollFlags, "EPOLL_CLOEXEC", uint64(EPOLL_CLOEXEC)},
	{epollEvents, "EPOLLIN|EPOLLOUT|EPOLLRDHUP|EPOLLONESHOT|EPOLLET", uint64(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLONESHOT | EPOLLET)},
	{memfdFlags, "MFD_CLOEXEC|MFD_ALLOW_SEALING|MFD_EXEC", uint64(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC)},
	{sealNames, "F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE|F_SEAL_FUTURE_WRITE|F_SEAL_EXEC", 0x3f},
	{spliceFlags, "SPLICE_F_MOVE|SPLICE_F_NONBLOCK|SPLICE_F_MORE|SPLICE_F_GIFT", 15},
	{fallocateModes, "FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE|FALLOC_FL_ZERO_RANGE", uint64(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)},
	{syncRangeFlags, "SYNC_FILE_RANGE_WAIT_BEFORE|SYNC_FILE_RANGE_WRITE|SYNC_FILE_RANGE_WAIT_AFTER", 7},
	{statxMask, "STATX_BASIC_STATS|STATX_BTIME|STATX_MNT_ID|STATX_DIOALIGN", 0x3fff},
	{statxAttributes, "STATX_ATTR_IMMUTABLE|STATX_ATTR_VERITY", uint64(STATX_ATTR_IMMUTABLE | STATX_ATTR_VERITY)},
	{resolveFlags, "RESOLVE_NO_XDEV|RESOLVE_BENEATH|RESOLVE_IN_ROOT", uint64(RESOLVE_NO_XDEV | RESOLVE_BENEATH | RESOLVE_IN_ROOT)},
}

func TestFlagTexts(t *testing.T) {
	for _, f := range allFlags {
		for _, text := range []string{f.text, strings.ToLower(f.text), strings.ReplaceAll(f.text, "|", " , ")} {
			if v, err := f.names.Parse(text); err != nil || v != f.value {
				t.Errorf("%q is %#x, %v, want %#x", text, v, err, f.value)
			}
		}
		if got := f.names.Format(f.value); got != f.text {
			t.Errorf("%#x prints as %q, want %q", f.value, got, f.text)
		}
		var e *sys.NameError
		if _, err := f.names.Parse("nosuch"); !errors.As(err, &e) {
			t.Errorf("an unknown flag: %v, want a *NameError", err)
		}
	}
}

// TestFlagValues holds the constants of this package to those of the ABI.
func TestFlagValues(t *testing.T) {
	for _, f := range allFlags {
		native, err := f.names.Native(abilinux.AMD64, f.value)
		if err != nil || native != f.value {
			t.Errorf("%s on x86-64 is %#x, %v, want %#x", f.text, native, err, f.value)
		}
		if back := f.names.Portable(abilinux.ARM64, native); back != f.value {
			t.Errorf("%s comes back from arm64 as %s", f.text, f.names.Format(back))
		}
	}
	if _, err := eventfdFlags.Native(netbsd.AMD64, uint64(EFD_SEMAPHORE)); !errors.Is(err, sys.ErrNotSupported) {
		t.Errorf("EFD_SEMAPHORE on NetBSD: %v, want ErrNotSupported", err)
	}
}
