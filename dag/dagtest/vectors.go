// Package dagtest holds what proves an implementation of the formats: golden
// vectors as plain files, which another language can use as they are.
package dagtest

import "embed"

//go:embed testdata
var files embed.FS

// Vectors returns the file name of testdata, as in "cbor.json", or nil where
// there is none.
func Vectors(name string) []byte {
	data, err := files.ReadFile("testdata/" + name)
	if err != nil {
		return nil
	}
	return data
}
