package pack

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const directFlag = 0

// directWorks is false: there is no O_DIRECT here.
func directWorks(string) bool { return false }

// preallocate reserves the space behind what the file has and sets the size.
// Only a lack of space is an error: a volume that cannot reserve gets a
// sparse file.
func preallocate(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if more := size - info.Size(); more > 0 {
		store := unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: more}
		if err := unix.FcntlFstore(f.Fd(), unix.F_PREALLOCATE, &store); isFull(err) {
			return err
		}
	}
	return f.Truncate(size)
}

// syncData asks the drive to write through: Go's Sync is F_FULLFSYNC here.
func syncData(f *os.File) error { return f.Sync() }

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
