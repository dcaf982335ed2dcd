//go:build !unix

package ingest

// openNonblock is nothing where no file in a directory can make an open wait.
const openNonblock = 0
