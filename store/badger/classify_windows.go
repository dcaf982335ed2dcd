package badger

import (
	"golang.org/x/sys/windows"

	"github.com/tegwick/artifact-store/dag/fault"
)

var systemCauses = []cause{
	{windows.ERROR_ACCESS_DENIED, fault.Denied},
	{windows.ERROR_WRITE_PROTECT, fault.Denied},
	{windows.ERROR_DISK_FULL, fault.Full},
	{windows.ERROR_HANDLE_DISK_FULL, fault.Full},
	{windows.ERROR_SHARING_VIOLATION, fault.Unavailable},
}
