package sys

import "github.com/anykernel/anykernel/sys/abi"

// A procTable is what the calls on processes and on the system need to know of
// an ABI.
type procTable struct {
	signals   enumTranslation
	sigset    sigsetLayout
	siginfo   siginfoLayout
	masks     enumTranslation // how a signal mask changes
	wait      bitTranslation
	status    statusCode
	priority  enumTranslation
	resources enumTranslation
	infinity  uint64 // RLIM_INFINITY
	rlimit    rlimitLayout
	usage     enumTranslation
	rusage    rusageLayout
	clocks    enumTranslation
	timerAbs  int // TIMER_ABSTIME
	random    bitTranslation
	mount     bitTranslation
	unmount   bitTranslation
	uname     unameLayout
}

func newProcTable(a *abi.ABI) procTable {
	infinity, _ := constant(a, "RLIM_INFINITY")
	return procTable{
		signals:   signalTranslation(a),
		sigset:    newSigsetLayout(a),
		siginfo:   newSiginfoLayout(a),
		masks:     maskNames.translation(a),
		wait:      waitFlags.translation(a),
		status:    statusCodeOf(a),
		priority:  priorityNames.translation(a),
		resources: resourceNames.translation(a),
		infinity:  uint64(infinity),
		rlimit:    newRlimitLayout(a),
		usage:     usageNames.translation(a),
		rusage:    newRusageLayout(a),
		clocks:    clockNames.translation(a),
		timerAbs:  constOr(a, "TIMER_ABSTIME", 1),
		random:    randomFlags.translation(a),
		mount:     mountFlags.translation(a),
		unmount:   unmountFlags.translation(a),
		uname:     newUnameLayout(a),
	}
}
