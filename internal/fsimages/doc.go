// Package fsimages makes images of file systems for tests, with the tools that
// Debian's packages have. A test skips, with the package's name, where a tool
// is not there.
//
// What may be in this room: making images. What may not: reading them.
package fsimages
