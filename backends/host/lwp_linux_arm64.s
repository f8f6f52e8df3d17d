#include "textflag.h"

// Offsets in a block; see lwp_linux.go.
#define STATE    0
#define ORIGIN   4
#define NUM      8
#define ARG0     16
#define ARG2     32
#define ARG4     48
#define ANSWER   64
#define CHILD    72
#define PPID     80
#define NOACTION 88

#define IDLE   $1
#define PARKED $2
#define POSTED $3
#define WAITED $4

#define SYS_exit_group    94
#define SYS_futex         98
#define SYS_rt_sigaction  134
#define SYS_rt_sigreturn  139
#define SYS_prctl         167
#define SYS_getppid       173
#define SYS_clone         220

// func loopClone(flags, stack uintptr, b *block) uintptr
TEXT ·loopClone(SB), NOSPLIT, $0-32
	MOVD flags+0(FP), R0
	MOVD stack+8(FP), R1
	MOVD b+16(FP), R19
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD R19, R4 // CLONE_CHILD_CLEARTID
	MOVD $SYS_clone, R8
	SVC
	CBZ  R0, inChild
	MOVD R0, ret+24(FP)
	RET
inChild:
	B    ·loop(SB)

// loop is the life of an LWP. R19 is its block. It touches no memory but that,
// and no stack; a system call changes R0 only. STATE is at offset 0.
TEXT ·loop(SB), NOSPLIT|NOFRAME, $0
idle:
	MOVD $100, R21
spin:
	LDARW (R19), R9
	CMPW POSTED, R9
	BGE  call
	YIELD
	SUB  $1, R21
	CBNZ R21, spin
park:
	LDAXRW (R19), R9
	CMPW IDLE, R9
	BNE  parked
	MOVW PARKED, R10
	STLXRW R10, (R19), R11
	CBNZ R11, park
sleep:
	MOVD R19, R0
	MOVD ZR, R1 // FUTEX_WAIT
	MOVD PARKED, R2
	MOVD ZR, R3
	MOVD $SYS_futex, R8
	SVC
	LDARW (R19), R9
parked:
	CMPW PARKED, R9
	BEQ  sleep
	B    idle

call:
	MOVD CHILD(R19), R20
	MOVD NUM(R19), R8
	LDP  ARG0(R19), (R0, R1)
	LDP  ARG2(R19), (R2, R3)
	LDP  ARG4(R19), (R4, R5)
	SVC
	CBZ  R20, done
	CBZ  R0, born
done:
	MOVD R0, ANSWER(R19)
	MOVW IDLE, R10
finish:
	LDAXRW (R19), R9
	STLXRW R10, (R19), R11
	CBNZ R11, finish
	CMPW WAITED, R9
	BNE  idle
	MOVD R19, R0
	MOVD $1, R1 // FUTEX_WAKE
	MOVD $1, R2
	MOVD $SYS_futex, R8
	SVC
	B    idle

	// A new LWP, on its own stack.
born:
	MOVD R20, R19
	MOVWU ORIGIN(R19), R22
	CBZ  R22, idle
	MOVD $1, R0 // PR_SET_PDEATHSIG
	MOVD $9, R1 // SIGKILL
	MOVD $SYS_prctl, R8
	SVC
	// The parent may have died before that. It is 0 where the parent is in
	// another PID namespace, and negative where a filter forbids to ask.
	MOVD $SYS_getppid, R8
	SVC
	CMPW $0, R0
	BLE  adopted
	MOVWU PPID(R19), R9
	CMPW R9, R0
	BNE  orphan
adopted:
	CMPW $1, R22
	BEQ  idle
	MOVD $64, R21
forget:
	MOVD R21, R0
	ADD  $NOACTION, R19, R1
	MOVD ZR, R2
	MOVD $8, R3
	MOVD $SYS_rt_sigaction, R8
	SVC
	SUB  $1, R21
	CBNZ R21, forget
	B    idle
orphan:
	MOVD ZR, R0
	MOVD $SYS_exit_group, R8
	SVC
	B    orphan

// handler does nothing: it is there so that a call ends with EINTR.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	RET

TEXT ·restorer(SB), NOSPLIT|NOFRAME, $0
	MOVD $SYS_rt_sigreturn, R8
	SVC
	UNDEF

// func handlerAddr() uintptr
TEXT ·handlerAddr(SB), NOSPLIT, $0-8
	MOVD $·handler(SB), R0
	MOVD R0, ret+0(FP)
	RET

// func restorerAddr() uintptr
TEXT ·restorerAddr(SB), NOSPLIT, $0-8
	MOVD $·restorer(SB), R0
	MOVD R0, ret+0(FP)
	RET
