// Package fault classifies errors by kind, so that a caller, an exit code or
// an HTTP status can be chosen without reading a message.
//
// An error is built where it is understood, with the operation, the thing it
// happened to and, where there is one, what to do next. Layers above wrap it
// with %w; [KindOf] finds the kind through any number of wrappings.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of thing went wrong. Kinds survive the wire by name.
type Kind uint8

// The kinds. Other is what an unclassified error has.
const (
	Other       Kind = iota // not classified
	NotFound                // the thing named does not exist
	Invalid                 // the input is not well formed, or is of a version unknown here
	Corrupt                 // stored or received bytes are not what their digest says
	Denied                  // not permitted to this caller
	Locked                  // forbidden for now by a lock, a hold or a lease
	Conflict                // the state is not what the operation requires
	TooLarge                // a size, count or depth is over its limit
	Unavailable             // the resource cannot be reached or used now
	Full                    // no space is left for it
)

var names = [...]string{
	Other: "other", NotFound: "not-found", Invalid: "invalid", Corrupt: "corrupt",
	Denied: "denied", Locked: "locked", Conflict: "conflict", TooLarge: "too-large",
	Unavailable: "unavailable", Full: "full",
}

// String returns the kind's name on the wire.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return names[Other]
}

// ParseKind is the inverse of [Kind.String]; an unknown name is [Other].
func ParseKind(s string) Kind {
	for k, n := range names {
		if n == s {
			return Kind(k)
		}
	}
	return Other
}

// Error is an error with a kind and context.
type Error struct {
	Kind Kind
	Op   string // the operation, as in "read block"
	What string // what it was done to: a path, a CID, a reference; may be empty
	Err  error  // the cause; may be nil
}

// Error returns "op what: cause"; the hint is left to whoever shows the error
// to a person (see [HintOf]).
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.What != "" {
		b.WriteByte(' ')
		b.WriteString(e.What)
	}
	b.WriteString(": ")
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	} else {
		b.WriteString(e.Kind.String())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an [Error] whose cause is the formatted text; %w wraps.
func New(k Kind, op, what, format string, args ...any) error {
	return &Error{Kind: k, Op: op, What: what, Err: fmt.Errorf(format, args...)}
}

// Wrap gives err a kind and context. A nil err stays nil, and where k is
// [Other] the kind that err already has shows through.
func Wrap(k Kind, op, what string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Op: op, What: what, Err: err}
}

// Hint adds what the user can do next to err. A nil err stays nil.
func Hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err: err, hint: fmt.Sprintf(format, args...)}
}

type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// KindOf returns the outermost kind in err's chain that is not [Other].
func KindOf(err error) Kind {
	for err != nil {
		if e, ok := err.(*Error); ok && e.Kind != Other {
			return e.Kind
		}
		if m, ok := err.(interface{ Unwrap() []error }); ok {
			for _, sub := range m.Unwrap() {
				if k := KindOf(sub); k != Other {
					return k
				}
			}
			return Other
		}
		err = errors.Unwrap(err)
	}
	return Other
}

// Is reports whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// HintOf returns the outermost hint in err's chain, or "".
func HintOf(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
