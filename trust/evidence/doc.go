// Package evidence writes and verifies evidence packages: one deterministic
// file that proves what an artifact is, where and when it was published, who
// signed it and which policy let it in, to someone who has nothing but that
// file and a root key.
//
// A package is a tar of one form: there is exactly one sequence of bytes for
// what it holds. Each byte of it is covered by a hash or signature that ends
// in a root, or is compared with what follows from the others. So a package
// that verifies is the package that was exported, and one that does not is
// refused with the names of the members that are wrong.
//
// The layout stands in docs/formats.md, "Evidence packages".
package evidence
