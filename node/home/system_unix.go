//go:build linux || darwin

package home

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tegwick/artifact-store/dag/fault"
)

var systemKinds = []systemKind{
	{syscall.EROFS, fault.Denied},
	{syscall.ENOSPC, fault.Full},
	{syscall.EDQUOT, fault.Full},
}

// statfs returns the bytes that an unprivileged user may still write, and the
// size of the file system.
func statfs(dir string) (free, total uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), uint64(s.Blocks) * uint64(s.Bsize), nil
}

// allocated returns what a file takes on disk.
func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
