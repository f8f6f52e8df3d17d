package sentry_test

import (
	"testing"

	_ "github.com/anykernel/anykernel/backends/sentry"

	"github.com/anykernel/anykernel/backends/kerneltest"
)

func TestConformance(t *testing.T) { kerneltest.Conform(t, "sentry") }
