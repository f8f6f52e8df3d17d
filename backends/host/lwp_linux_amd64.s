#include "textflag.h"

// Offsets in a block; see lwp_linux.go.
#define STATE    0
#define ORIGIN   4
#define NUM      8
#define ARG0     16
#define ARG1     24
#define ARG2     32
#define ARG3     40
#define ARG4     48
#define ARG5     56
#define ANSWER   64
#define CHILD    72
#define PPID     80
#define NOACTION 88

#define IDLE   $1
#define PARKED $2
#define POSTED $3
#define WAITED $4

#define SYS_rt_sigaction 13
#define SYS_rt_sigreturn 15
#define SYS_clone        56
#define SYS_getppid      110
#define SYS_prctl        157
#define SYS_futex        202
#define SYS_exit_group   231

// func loopClone(flags, stack uintptr, b *block) uintptr
TEXT ·loopClone(SB), NOSPLIT, $0-32
	MOVQ flags+0(FP), DI
	MOVQ stack+8(FP), SI
	MOVQ b+16(FP), R12
	XORL DX, DX
	MOVQ R12, R10 // CLONE_CHILD_CLEARTID
	XORL R8, R8
	MOVL $SYS_clone, AX
	SYSCALL
	TESTQ AX, AX
	JEQ  inChild
	MOVQ AX, ret+24(FP)
	RET
inChild:
	JMP ·loop(SB)

// loop is the life of an LWP. R12 is its block. It touches no memory but that,
// and no stack; a system call changes AX, CX and R11 only.
TEXT ·loop(SB), NOSPLIT|NOFRAME, $0
idle:
	MOVL $100, BX
spin:
	CMPL STATE(R12), POSTED
	JGE  call
	PAUSE
	DECL BX
	JNZ  spin
	MOVL IDLE, AX
	MOVL PARKED, DX
	LOCK
	CMPXCHGL DX, STATE(R12)
park:
	CMPL STATE(R12), PARKED
	JNE  idle
	MOVQ R12, DI
	XORL SI, SI // FUTEX_WAIT
	MOVL PARKED, DX
	XORL R10, R10
	MOVL $SYS_futex, AX
	SYSCALL
	JMP  park

call:
	MOVQ CHILD(R12), R13
	MOVQ NUM(R12), AX
	MOVQ ARG0(R12), DI
	MOVQ ARG1(R12), SI
	MOVQ ARG2(R12), DX
	MOVQ ARG3(R12), R10
	MOVQ ARG4(R12), R8
	MOVQ ARG5(R12), R9
	SYSCALL
	TESTQ R13, R13
	JEQ  done
	TESTQ AX, AX
	JEQ  born
done:
	MOVQ AX, ANSWER(R12)
	MOVL IDLE, AX
	XCHGL AX, STATE(R12)
	CMPL AX, WAITED
	JNE  idle
	MOVQ R12, DI
	MOVL $1, SI // FUTEX_WAKE
	MOVL $1, DX
	MOVL $SYS_futex, AX
	SYSCALL
	JMP  idle

	// A new LWP, on its own stack.
born:
	MOVQ R13, R12
	CMPL ORIGIN(R12), $0
	JEQ  idle
	MOVL $1, DI // PR_SET_PDEATHSIG
	MOVL $9, SI // SIGKILL
	MOVL $SYS_prctl, AX
	SYSCALL
	// The parent may have died before that. It is 0 where the parent is in
	// another PID namespace, and negative where a filter forbids to ask.
	MOVL $SYS_getppid, AX
	SYSCALL
	TESTL AX, AX
	JLE  adopted
	CMPL AX, PPID(R12)
	JNE  orphan
adopted:
	CMPL ORIGIN(R12), $1
	JEQ  idle
	MOVL $64, BX
forget:
	MOVL BX, DI
	LEAQ NOACTION(R12), SI
	XORL DX, DX
	MOVL $8, R10
	MOVL $SYS_rt_sigaction, AX
	SYSCALL
	DECL BX
	JNZ  forget
	JMP  idle
orphan:
	XORL DI, DI
	MOVL $SYS_exit_group, AX
	SYSCALL
	JMP  orphan

// handler does nothing: it is there so that a call ends with EINTR.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	RET

TEXT ·restorer(SB), NOSPLIT|NOFRAME, $0
	MOVL $SYS_rt_sigreturn, AX
	SYSCALL
	INT  $3

// func handlerAddr() uintptr
TEXT ·handlerAddr(SB), NOSPLIT, $0-8
	LEAQ ·handler(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func restorerAddr() uintptr
TEXT ·restorerAddr(SB), NOSPLIT, $0-8
	LEAQ ·restorer(SB), AX
	MOVQ AX, ret+0(FP)
	RET
