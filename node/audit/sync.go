package audit

import (
	"errors"
	"os"
	"runtime"
)

// syncNames makes the names in dir durable. Windows has no such call: its file
// systems journal names.
func syncNames(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
