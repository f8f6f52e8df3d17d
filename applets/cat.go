package applets

import (
	"io"

	"github.com/spf13/pflag"
)

var cat = &Applet{
	Name:     "cat",
	Summary:  "write files one after the other",
	Synopsis: "[FILE...]",
	flags:    simple(runCat),
}

func runCat(j *job, args []string) error {
	return j.input(args, func(_ string, r io.Reader) error {
		return j.copy(j.stdout, r)
	})
}

var tee = &Applet{
	Name:     "tee",
	Summary:  "write the input to the output and to files",
	Synopsis: "[-a] [FILE...]",
	flags: func(f *pflag.FlagSet) action {
		more := f.BoolP("append", "a", false, "append to the files")
		return func(j *job, args []string) error { return runTee(j, args, *more) }
	},
}

func runTee(j *job, names []string, more bool) error {
	outputs := []io.Writer{j.stdout}
	err := j.each(names, func(name string) error {
		f, err := j.create(name, more)
		if err == nil {
			outputs = append(outputs, f)
		}
		return err
	})
	if err != nil {
		return err
	}
	err = j.copy(io.MultiWriter(outputs...), j.stdin)
	for _, f := range outputs[1:] {
		f.(io.Closer).Close()
	}
	return err
}
