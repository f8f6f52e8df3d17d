package applets

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

var sha256Sum = &Applet{
	Name:     "sha256sum",
	Summary:  "write or check the SHA-256 of files",
	Synopsis: "[-c] [FILE...]",
	flags: func(f *pflag.FlagSet) action {
		check := f.BoolP("check", "c", false, "the files are lists of sums: check them")
		return func(j *job, args []string) error {
			if *check {
				return checkSums(j, args)
			}
			return j.input(args, func(name string, r io.Reader) error {
				sum, err := j.sum(r)
				if err == nil {
					j.printf("%s  %s\n", sum, name)
				}
				return err
			})
		}
	},
}

func (j *job) sum(r io.Reader) (string, error) {
	h := sha256.New()
	if err := j.copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func checkSums(j *job, lists []string) error {
	failed := 0
	err := j.input(lists, func(_ string, r io.Reader) error {
		return eachLine(r, func(line string) error {
			want, name, ok := strings.Cut(line, "  ")
			if !ok {
				return fmt.Errorf("no sum and name in the line %q", line)
			}
			verdict := "OK"
			if got, err := j.sumOf(name); err != nil {
				j.warn(name, err)
				verdict = "FAILED open or read"
			} else if got != want {
				verdict = "FAILED"
			}
			if verdict != "OK" {
				failed++
			}
			j.printf("%s: %s\n", name, verdict)
			return j.ctx.Err()
		})
	})
	if failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d sums did not match", failed))
	}
	return err
}

func (j *job) sumOf(name string) (string, error) {
	r, err := j.open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	return j.sum(r)
}
