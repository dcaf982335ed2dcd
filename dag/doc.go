// Package dag holds the nouns of the store and their formats: content
// identifiers, blocks, blobs, manifests, references. It has no clock, disk,
// goroutine or network; everything in it is a function of bytes.
package dag
