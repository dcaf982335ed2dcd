package home

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/tegwick/artifact-store/dag/fault"
)

// holderAt is where the text about the holder begins in the lock file. The
// first byte is what Windows locks, against reading as well.
const holderAt = 1

// maxHolder bounds that text.
const maxHolder = 256

// acquire takes the lock of dir, which the system drops when the process ends,
// however it ends.
func acquire(dir string, opt Options) (*flock.Flock, error) {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path)
	got, err := lock.TryLock()
	if err != nil {
		return nil, wrap(path, err)
	}
	if !got {
		err := fault.New(fault.Unavailable, opOpen, dir, "in use by %s", holderOf(path))
		return nil, fault.Hint(err, "wait until it ends, or stop it")
	}
	// The text is a courtesy: a full disk does not stop the opening here.
	if err := writeHolder(path, opt); kindOf(err) == fault.Denied {
		return nil, errors.Join(wrap(path, err), lock.Unlock())
	}
	return lock, nil
}

func writeHolder(path string, opt Options) error {
	who := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, opt.Holder)
	text := fmt.Sprintf("\n%d\n%s\n%.128s\n", os.Getpid(), opt.Now().UTC().Format(time.RFC3339), who)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text[holderAt:]), holderAt)
	return errors.Join(err, f.Truncate(int64(len(text))), f.Close())
}

// holderOf says who holds the lock, as far as that is known.
func holderOf(path string) string {
	const unknown = "another process"
	f, err := os.Open(path)
	if err != nil {
		return unknown
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, holderAt, maxHolder))
	if err != nil {
		return unknown
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 3 {
		return unknown
	}
	if _, err := strconv.Atoi(lines[0]); err != nil {
		return unknown
	}
	who := "process " + lines[0]
	if lines[2] != "" {
		who += " (" + lines[2] + ")"
	}
	return who + ", since " + lines[1]
}
