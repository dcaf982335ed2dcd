package pack

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const directFlag = 0

// directWorks is false: unbuffered files of Windows are not used.
func directWorks(string) bool { return false }

func preallocate(f *os.File, size int64) error { return f.Truncate(size) }

func syncData(f *os.File) error { return f.Sync() }

// syncDirectory does nothing: a directory cannot be synced here, and NTFS
// journals its entries.
func syncDirectory(string) error { return nil }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
