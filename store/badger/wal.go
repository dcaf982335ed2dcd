package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// walWatch notices that Badger began the log of a new memtable. Logs are named
// by consecutive numbers, and a commit begins at most one.
type walWatch struct {
	dir    string
	number int    // of the newest log
	next   string // path of the one after it
}

// watchWAL starts from the logs that are there, which become durable.
func watchWAL(dir string) (walWatch, error) {
	w := walWatch{dir: dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return w, err
	}
	for _, e := range entries {
		var n int
		if _, err := fmt.Sscanf(e.Name(), "%d.mem", &n); err == nil {
			w.number = max(w.number, n)
		}
	}
	w.next = w.path(w.number + 1)
	return w, syncDir(dir)
}

func (w *walWatch) path(n int) string { return filepath.Join(w.dir, fmt.Sprintf("%05d.mem", n)) }

// syncIfRotated makes a new log's place in the directory durable.
func (w *walWatch) syncIfRotated() error {
	_, err := os.Lstat(w.next)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	w.number++
	w.next = w.path(w.number + 1)
	return syncDir(w.dir)
}

// removeUnborn removes the logs whose making was cut short: they have no size,
// which each gets before anything is written to it.
func removeUnborn(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Size() > 0 {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
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
