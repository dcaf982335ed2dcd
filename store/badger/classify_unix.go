//go:build !windows

package badger

import (
	"syscall"

	"github.com/tegwick/artifact-store/dag/fault"
)

var systemCauses = []cause{
	{syscall.EACCES, fault.Denied},
	{syscall.EPERM, fault.Denied},
	{syscall.EDQUOT, fault.Full},
}
