package badger

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/tegwick/artifact-store/dag/fault"
)

// kindOf classifies err; what it does not know is of kind otherwise.
//
// Badger passes the causes of its errors on as text only (y.Wrap drops the
// chain). So a cause is recognised by the text that the system gives it, taken
// from the system and not written out here.
func kindOf(err error, otherwise fault.Kind) fault.Kind {
	if err == nil {
		return fault.Other
	}
	if k := fault.KindOf(err); k != fault.Other {
		return k
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Other
	}
	text := err.Error()
	for _, c := range causes {
		if errors.Is(err, c.err) || strings.Contains(text, c.err.Error()) {
			return c.kind
		}
	}
	return otherwise
}

// causes are tried in order.
var causes = append(systemCauses,
	cause{fs.ErrPermission, fault.Denied},
	cause{syscall.EROFS, fault.Denied},
	cause{syscall.ENOSPC, fault.Full},
	cause{syscall.EMFILE, fault.Unavailable},
	cause{syscall.ENFILE, fault.Unavailable},
	cause{syscall.ENOMEM, fault.Unavailable},
	cause{syscall.EIO, fault.Unavailable},
)

type cause struct {
	err  error
	kind fault.Kind
}
