// Package storetest holds what the planes below a store are tested with: the
// suites that every implementation passes, reference models, and wrappers that
// inject faults.
package storetest
