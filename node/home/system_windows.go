package home

import (
	"io/fs"

	"golang.org/x/sys/windows"

	"github.com/tegwick/artifact-store/dag/fault"
)

var systemKinds = []systemKind{
	{windows.ERROR_WRITE_PROTECT, fault.Denied},
	{windows.ERROR_DISK_FULL, fault.Full},
	{windows.ERROR_HANDLE_DISK_FULL, fault.Full},
}

// statfs returns the bytes that this user may still write, and the size of the
// file system.
func statfs(dir string) (free, total uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(path, &free, &total, nil)
	return free, total, err
}

// allocated returns what a file may take on disk.
func allocated(info fs.FileInfo) int64 { return info.Size() }
