package fault_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
)

var kinds = []fault.Kind{
	fault.Other, fault.NotFound, fault.Invalid, fault.Corrupt, fault.Denied,
	fault.Locked, fault.Conflict, fault.TooLarge, fault.Unavailable, fault.Full,
}

func TestKindsSurviveTheWire(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range kinds {
		name := k.String()
		if name == "" || seen[name] {
			t.Errorf("kind %d is named %q", k, name)
		}
		seen[name] = true
		if got := fault.ParseKind(name); got != k {
			t.Errorf("ParseKind(%q) = %v", name, got)
		}
	}
	if next := fault.Kind(len(kinds)); next.String() != "other" {
		t.Errorf("kind %d is named %q, and not in this test", next, next)
	}
	for _, name := range []string{"", "Not-Found", "unheard-of"} {
		if got := fault.ParseKind(name); got != fault.Other {
			t.Errorf("ParseKind(%q) = %v", name, got)
		}
	}
}

func TestKindOf(t *testing.T) {
	missing := fault.New(fault.NotFound, "read block", "bafy", "no such block")
	denied := fault.New(fault.Denied, "open", "", "not yours")
	for name, c := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"nil":                             {nil, fault.Other},
		"a foreign error":                 {io.EOF, fault.Other},
		"its own":                         {missing, fault.NotFound},
		"through %w":                      {fmt.Errorf("get: %w", missing), fault.NotFound},
		"through a hint":                  {fault.Hint(missing, "look elsewhere"), fault.NotFound},
		"through Other":                   {fault.Wrap(fault.Other, "get", "ref", missing), fault.NotFound},
		"the outermost of two":            {fault.Wrap(fault.Corrupt, "get", "ref", missing), fault.Corrupt},
		"the cause of New":                {fault.New(fault.Other, "get", "", "by %w", missing), fault.NotFound},
		"joined, the first with a kind":   {errors.Join(io.EOF, denied, missing), fault.Denied},
		"joined and wrapped":              {fmt.Errorf("put: %w", errors.Join(io.EOF, fmt.Errorf("a: %w", missing))), fault.NotFound},
		"two %w":                          {fault.New(fault.Other, "get", "", "%w and %w", io.EOF, denied), fault.Denied},
		"joined, none with a kind":        {errors.Join(io.EOF, fs.ErrExist), fault.Other},
		"a kind before what is joined":    {fault.Wrap(fault.Full, "put", "", errors.Join(denied, missing)), fault.Full},
		"Other all along":                 {fault.Wrap(fault.Other, "get", "", io.EOF), fault.Other},
		"a foreign error, given its kind": {fault.Wrap(fault.Unavailable, "dial", "peer", io.EOF), fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.KindOf(c.err); got != c.want {
				t.Errorf("KindOf = %v, want %v", got, c.want)
			}
			for _, k := range kinds {
				if got, want := fault.Is(c.err, k), c.err != nil && k == c.want; got != want {
					t.Errorf("Is %v = %v", k, got)
				}
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	for want, err := range map[string]error{
		"read block bafy: no such block":       fault.New(fault.NotFound, "read block", "bafy", "no such block"),
		"read block: size 3 over 2":            fault.New(fault.TooLarge, "read block", "", "size %d over %d", 3, 2),
		"open pack: EOF":                       fault.Wrap(fault.Corrupt, "open", "pack", io.EOF),
		"open pack: not-found":                 &fault.Error{Kind: fault.NotFound, Op: "open", What: "pack"},
		"get ref: open pack: EOF":              fault.Wrap(fault.Other, "get", "ref", fault.Wrap(fault.Corrupt, "open", "pack", io.EOF)),
		"open dir: permission denied":          fault.Hint(fault.Wrap(fault.Denied, "open", "dir", fs.ErrPermission), "run as the owner"),
		"get ref: open pack: unexpected EOF 7": fault.New(fault.Corrupt, "get", "ref", "open pack: %w %d", io.ErrUnexpectedEOF, 7),
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCausesAreFound(t *testing.T) {
	err := fault.Hint(fault.Wrap(fault.Denied, "open", "dir", fmt.Errorf("stat: %w", fs.ErrPermission)), "run as the owner")
	if !errors.Is(err, fs.ErrPermission) {
		t.Error("the cause is lost")
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Op != "open" || e.What != "dir" || e.Kind != fault.Denied {
		t.Errorf("the context is %+v", e)
	}
}

func TestNilStaysNil(t *testing.T) {
	if err := fault.Wrap(fault.Corrupt, "open", "dir", nil); err != nil {
		t.Errorf("Wrap: %v", err)
	}
	if err := fault.Hint(nil, "do this"); err != nil {
		t.Errorf("Hint: %v", err)
	}
	if fault.Is(nil, fault.Other) {
		t.Error("nil is of a kind")
	}
}

func TestHintOf(t *testing.T) {
	base := fault.New(fault.Locked, "open", "dir", "in use")
	inner := fault.Hint(base, "stop process %d", 7)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nil":              {nil, ""},
		"none":             {base, ""},
		"its own":          {inner, "stop process 7"},
		"through wrapping": {fault.Wrap(fault.Other, "serve", "", inner), "stop process 7"},
		"the outermost":    {fault.Hint(fmt.Errorf("serve: %w", inner), "wait"), "wait"},
		"of a joined one":  {errors.Join(io.EOF, inner), "stop process 7"},
	} {
		if got := fault.HintOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
