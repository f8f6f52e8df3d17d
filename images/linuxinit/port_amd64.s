// Ports of the processor, which the thread has asked for (ioperm(2)).

// func portRead(port uint16) byte
TEXT ·portRead(SB), 4, $0-9
	MOVWLZX port+0(FP), DX
	INB
	MOVB AX, ret+8(FP)
	RET

// func portWrite(port uint16, value byte)
TEXT ·portWrite(SB), 4, $0-3
	MOVWLZX port+0(FP), DX
	MOVBLZX value+2(FP), AX
	OUTB
	RET
