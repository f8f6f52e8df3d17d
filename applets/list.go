package applets

// list is all applets.
var list = []*Applet{
	cat, dd, env, falseApplet, grep, head, sha256Sum, sortApplet, tail, tee,
	trueApplet, wc,
}
