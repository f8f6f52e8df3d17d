// Package docs has no code of its own: its tests hold the documents to what
// is in the tree. Programs in the README are those in examples, links lead
// somewhere, and a test that a document names exists.
package docs
