//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"strings"
)

// A User is a user that the kernel's /etc knows. The kernel itself knows
// numbers only.
type User struct {
	Name     string
	UID, GID uint32
	Home     string // "" is /home/Name
}

// etc is the content of the files in /etc.
func (o *Options) etc() map[string]string {
	users := append([]User{{Name: "root", Home: "/root"}}, o.Users...)
	users = append(users, User{Name: "nobody", UID: 65534, GID: 65534, Home: "/nonexistent"})
	var passwd, group strings.Builder
	for _, u := range users {
		fmt.Fprintf(&passwd, "%s:x:%d:%d:%s:%s:/bin/sh\n", u.Name, u.UID, u.GID, u.Name, u.home())
		fmt.Fprintf(&group, "%s:x:%d:\n", u.groupName(), u.GID)
	}
	name := o.hostname()
	return map[string]string{
		"passwd":        passwd.String(),
		"group":         group.String(),
		"hostname":      name + "\n",
		"hosts":         "127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.0.1\t" + name + "\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
		"os-release":    "ID=anykernel\nNAME=Anykernel\nPRETTY_NAME=\"Anykernel sentry\"\n",
	}
}

func (u *User) home() string {
	if u.Home == "" {
		return "/home/" + u.Name
	}
	return u.Home
}

func (u *User) groupName() string {
	if u.UID == 65534 {
		return "nogroup"
	}
	return u.Name
}

func (o *Options) hostname() string {
	if o.Hostname == "" {
		return Name
	}
	return o.Hostname
}
