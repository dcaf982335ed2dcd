//go:build !race

package store_test

// stride is how far apart the writes are that are failed.
const stride = 1
