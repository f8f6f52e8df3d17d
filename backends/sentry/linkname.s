//go:build linux && (amd64 || arm64)

// This file lets linkname.go declare functions without a body.
