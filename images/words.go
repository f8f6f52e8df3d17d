package images

import (
	"fmt"
	"slices"
	"strings"
)

// splitWords splits a command line as the shim does: at spaces outside of
// double quotes, which are dropped.
func splitWords(s string) []string {
	var words []string
	var word strings.Builder
	in, quoted := false, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' && !quoted:
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		case c == '"':
			quoted = !quoted
			in = true
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}

// WithArguments is a command line for the boot loader that passes arguments to
// the image's program, behind those that the image has itself.
func (im *Image) WithArguments(args []string) (string, error) {
	var words []string
	if len(args) > 0 && !slices.Contains(splitWords(im.CommandLine), "--") {
		words = append(words, "--")
	}
	for _, a := range args {
		if strings.ContainsAny(a, "\"\x00\n") {
			return "", fmt.Errorf("the argument %q: a guest's command line has no quotes or newlines in words", a)
		}
		if a == "" || strings.Contains(a, " ") {
			a = `"` + a + `"`
		}
		words = append(words, a)
	}
	return strings.Join(words, " "), nil
}

// WithEnvironment puts NAME=VALUE in front of a command line that
// [Image.WithArguments] made. A name has no dot: those are parameters. Where
// the image's own command line has arguments already, the environment cannot
// be added to any more.
func (im *Image) WithEnvironment(environment []string, line string) (string, error) {
	if len(environment) == 0 {
		return line, nil
	}
	if slices.Contains(splitWords(im.CommandLine), "--") {
		return "", fmt.Errorf("the image's command line %q ends in arguments, behind which there is no environment", im.CommandLine)
	}
	var words []string
	for _, v := range environment {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" || strings.ContainsAny(name, ". \"") || strings.ContainsAny(value, "\"\x00\n") {
			return "", fmt.Errorf("%q: want NAME=VALUE, without dots in the name, quotes and newlines", v)
		}
		if strings.Contains(value, " ") {
			value = `"` + value + `"`
		}
		words = append(words, name+"="+value)
	}
	return strings.TrimSpace(strings.Join(words, " ") + " " + line), nil
}
