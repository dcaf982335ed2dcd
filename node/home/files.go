package home

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/tegwick/artifact-store/dag/fault"
)

const opOpen = "open store"

// wrap classifies what the system says about a path.
func wrap(path string, err error) error {
	err = fault.Wrap(kindOf(err), opOpen, path, err)
	switch kindOf(err) {
	case fault.Denied:
		return fault.Hint(err, "give this user write permission on the directory, or choose another with --dir")
	case fault.Full:
		return fault.Hint(err, "free some space on the file system")
	}
	return err
}

func kindOf(err error) fault.Kind {
	if k := fault.KindOf(err); k != fault.Other {
		return k
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fault.Denied
	case errors.Is(err, syscall.ENOTDIR):
		return fault.Invalid
	}
	for _, c := range systemKinds {
		if errors.Is(err, c.err) {
			return c.kind
		}
	}
	return fault.Other
}

type systemKind struct {
	err  error
	kind fault.Kind
}

// makeDir makes path and what is missing above it, all of it durable.
func makeDir(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// syncDir makes the names in dir durable. Windows has no such call, and needs
// none: its file systems journal names.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
