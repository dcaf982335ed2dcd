//go:build !linux

package home

import (
	"errors"
	"os"
)

// allocate is not portable; the caller writes instead.
func allocate(*os.File, int64) error { return errors.ErrUnsupported }
