package all

import (
	_ "github.com/anykernel/anykernel/backends/host"
	_ "github.com/anykernel/anykernel/backends/remote"
	_ "github.com/anykernel/anykernel/backends/rump"
	_ "github.com/anykernel/anykernel/backends/sentry"
	_ "github.com/anykernel/anykernel/backends/xen"
)
