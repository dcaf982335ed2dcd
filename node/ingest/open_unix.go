//go:build unix

package ingest

import "syscall"

// openNonblock keeps the opening of a FIFO or a device from waiting.
const openNonblock = syscall.O_NONBLOCK
