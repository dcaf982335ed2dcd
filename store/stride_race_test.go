//go:build race

package store_test

// stride is how far apart the writes are that are failed: the detector of races
// makes each run many times dearer.
const stride = 3
