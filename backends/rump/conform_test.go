package rump_test

import (
	"testing"

	_ "github.com/anykernel/anykernel/backends/rump"

	"github.com/anykernel/anykernel/backends/kerneltest"
)

func TestConformance(t *testing.T) { kerneltest.Conform(t, "rump") }
