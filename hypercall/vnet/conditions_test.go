package vnet_test

import (
	"strings"
	"testing"

	"github.com/anykernel/anykernel/hypercall/vnet"
)

func TestConditionsText(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"loss=1% delay=20ms":    "delay=20ms loss=0.01",
		"down up down":          "down",
		"rate=1.5mbit queue=7":  "rate=1500kbit queue=7",
		"rate=1Gbit":            "rate=1gbit",
		"rate=9600bit":          "rate=9600bit",
		"delay=1s jitter=500ms": "delay=1s jitter=500ms",
		"reorder=0.25 hold=1ms duplicate=50% corrupt=1e-3": "reorder=0.25 hold=1ms duplicate=0.5 corrupt=0.001",
	} {
		c, err := vnet.ParseConditions(text)
		if err != nil || c.String() != want {
			t.Errorf("%q is %q, %v, want %q", text, c, err, want)
		}
	}
	for text, want := range map[string]string{
		"loss":             `"loss" is no condition: there are delay=, jitter=`,
		"los=1%":           `"los=1%" is no condition`,
		"loss=1%%":         `loss: "1%%" is no share`,
		"loss=NaN":         "loss of NaN: a share is from 0 to 1",
		"loss=101%":        "loss of 1.01",
		"delay=20":         `delay: "20" is no time: want a number with its unit`,
		"delay=-1s":        "delay of -1s",
		"delay=25h":        "delay of 25h0m0s",
		"jitter=1ms":       "jitter of 1ms: it exceeds the delay of 0s",
		"rate=10":          `rate: "10" is no rate: want a number with bit, kbit`,
		"rate=0mbit":       `"0mbit" is no rate`,
		"rate=1e30tbit":    "is no rate",
		"queue=0":          `queue: "0" is no number of frames`,
		"queue=1000000000": "queue of 1000000000 frames",
	} {
		c := vnet.Conditions{Loss: 0.5}
		if err := c.Apply(text); err == nil || !strings.Contains(err.Error(), want) || c != (vnet.Conditions{Loss: 0.5}) {
			t.Errorf("%q: %v, want %q; the conditions are %v", text, err, want, c)
		}
	}
}

func FuzzConditions(f *testing.F) {
	for _, s := range []string{"loss=1% delay=20ms jitter=1us", "rate=10mbit queue=3 down", "corrupt=1e-9 reorder=.5", "rate=NaNbit", "hold=-1h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := vnet.ParseConditions(text)
		if err != nil {
			return
		}
		again, err := vnet.ParseConditions(c.String())
		if err != nil || again != c {
			t.Errorf("%q is %q, which is %q, %v", text, c, again, err)
		}
	})
}
