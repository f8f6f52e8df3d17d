package applets

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

var id = &Applet{
	Name:     "id",
	Summary:  "write the user and groups of the process",
	Synopsis: "[-u | -g | -G] [-n]",
	flags: func(f *pflag.FlagSet) action {
		user := f.BoolP("user", "u", false, "the effective user alone")
		group := f.BoolP("group", "g", false, "the effective group alone")
		groups := f.BoolP("groups", "G", false, "the groups alone")
		names := f.BoolP("name", "n", false, "names in place of numbers")
		return func(j *job, args []string) error {
			if err := operands(args, 0, 0); err != nil {
				return err
			}
			i, err := j.identity()
			if err != nil {
				return err
			}
			plain := accounts{}
			if *names {
				plain = i.userNames
			}
			switch {
			case *user:
				j.printf("%s\n", plain.nameOr(i.uid))
			case *group || *groups:
				list := i.groups
				if *group {
					list = i.groups[:1]
				}
				if *names {
					plain = i.groupNames
				}
				j.printf("%s\n", plain.join(list, " ", accounts.nameOr))
			default:
				j.printf("uid=%s gid=%s groups=%s\n", i.userNames.both(i.uid), i.groupNames.both(i.groups[0]),
					i.groupNames.join(i.groups, ",", accounts.both))
			}
			return nil
		}
	},
}

// An identity is who a process is. The first of the groups is its own.
type identity struct {
	uid                   int
	groups                []int
	userNames, groupNames accounts
}

func (j *job) identity() (i identity, err error) {
	if i.uid, err = j.p.Geteuid(); err != nil {
		return i, err
	}
	gid, err := j.p.Getegid()
	if err != nil {
		return i, err
	}
	more, err := j.p.Getgroups()
	if err != nil {
		return i, err
	}
	i.groups = []int{gid}
	for _, g := range more {
		if !slices.Contains(i.groups, g) {
			i.groups = append(i.groups, g)
		}
	}
	i.userNames, i.groupNames = j.accounts("/etc/passwd"), j.accounts("/etc/group")
	return i, nil
}

// accounts is the names of users or groups by their numbers.
type accounts map[int]string

// accounts reads passwd(5) or group(5). A kernel need not have the file.
func (j *job) accounts(file string) accounts {
	text, err := j.readFile(file)
	if err != nil {
		return nil
	}
	names := accounts{}
	for line := range strings.Lines(text) {
		fields := strings.Split(line, ":")
		if len(fields) < 3 {
			continue
		}
		if n, err := strconv.Atoi(fields[2]); err == nil && names[n] == "" {
			names[n] = fields[0]
		}
	}
	return names
}

// nameOr is the name of n, or n where it has none.
func (a accounts) nameOr(n int) string {
	if name, ok := a[n]; ok {
		return name
	}
	return strconv.Itoa(n)
}

// both is n with its name, if it has one: "0(root)".
func (a accounts) both(n int) string {
	if name, ok := a[n]; ok {
		return strconv.Itoa(n) + "(" + name + ")"
	}
	return strconv.Itoa(n)
}

func (a accounts) join(numbers []int, sep string, form func(accounts, int) string) string {
	var texts []string
	for _, n := range numbers {
		texts = append(texts, form(a, n))
	}
	return strings.Join(texts, sep)
}
