// Package conformance holds what the product writes against programs that read
// the same standards and were written by others: cosign for signatures, the log
// checker of Tessera, the client and the witness of Torchwood.
//
// `make conformance` builds those programs at the versions that stand in
// tools.go and runs the tests. Without a program its tests are skipped, and say
// so: building them all takes some ten minutes, which is not for every run
// of the tests.
package conformance
