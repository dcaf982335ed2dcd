//go:build unix

package restore

import (
	"io/fs"
	"syscall"
)

// links returns how many names the file has that info describes.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}
