package applets

import "strings"

var env = &Applet{
	Name:     "env",
	Summary:  "write the environment, or run an applet with changes to it",
	Synopsis: "[KEY=VALUE...] [APPLET [ARG...]]",
	raw:      true,
	flags:    simple(runEnv),
}

func runEnv(j *job, args []string) error {
	for len(args) > 0 && strings.Contains(args[0], "=") {
		key, value, _ := strings.Cut(args[0], "=")
		j.env = setenv(j.env, key, value)
		args = args[1:]
	}
	if len(args) > 0 {
		return j.run(args)
	}
	for _, kv := range j.env {
		j.printf("%s\n", kv)
	}
	return nil
}

// setenv is a copy of env in which key has that value.
func setenv(env []string, key, value string) []string {
	var out []string
	for _, kv := range env {
		if k, _, _ := strings.Cut(kv, "="); k != key {
			out = append(out, kv)
		}
	}
	return append(out, key+"="+value)
}

// run ends the job with what another applet does in its place.
func (j *job) run(args []string) error {
	e := &Env{Process: j.p, Stdin: j.stdin, Stdout: j.stdout, Stderr: j.stderr, Dir: j.dir, Environ: j.env}
	return exitError(Run(j.ctx, e, args[0], args[1:]...))
}

var trueApplet = &Applet{
	Name:    "true",
	Summary: "succeed",
	raw:     true,
	flags:   simple(func(*job, []string) error { return nil }),
}

var falseApplet = &Applet{
	Name:    "false",
	Summary: "fail",
	raw:     true,
	flags:   simple(func(*job, []string) error { return exitError(1) }),
}
