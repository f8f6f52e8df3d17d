package all

import (
	_ "github.com/anykernel/anykernel/backends/host"
)
