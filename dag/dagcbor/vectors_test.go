package dagcbor_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/dagtest"
	"github.com/tegwick/artifact-store/dag/fault"
)

// vectors is the file cbor.json of dagtest.
type vectors struct {
	Unicode string
	Limits  struct{ Size, Depth int }
	Accept  []struct {
		Hex, Reason string
		Links       []string
	}
	Refuse []struct {
		Hex, Kind, Reason string
		Offset            int
	}
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	var v vectors
	if err := json.Unmarshal(dagtest.Vectors("cbor.json"), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Accept) == 0 || len(v.Refuse) == 0 {
		t.Fatal("cbor.json holds no vectors")
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantFault fails t unless err is of kind and names offset.
func wantFault(t *testing.T, err error, kind fault.Kind, offset int) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a fault", err)
	}
	if got, want := e.What, fmt.Sprintf("at byte %d", offset); e.Kind != kind || got != want {
		t.Errorf("got %v %s (%v), want %v %s", e.Kind, got, err, kind, want)
	}
}

func TestValidateAccepts(t *testing.T) {
	for _, c := range readVectors(t).Accept {
		t.Run(c.Reason, func(t *testing.T) {
			data := unhex(t, c.Hex)
			var links []string
			err := dagcbor.Validate(data, func(cid []byte) error {
				links = append(links, hex.EncodeToString(cid))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(links, c.Links) {
				t.Errorf("links %q, want %q", links, c.Links)
			}
			if err := dagcbor.Validate(data, nil); err != nil {
				t.Errorf("without a link function: %v", err)
			}
			wantRoundTrip(t, data)
			for n := range data {
				if dagcbor.Validate(data[:n], nil) == nil {
					t.Errorf("accepts its first %d bytes", n)
				}
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	for _, c := range readVectors(t).Refuse {
		t.Run(c.Reason, func(t *testing.T) {
			data := unhex(t, c.Hex)
			wantFault(t, dagcbor.Validate(data, nil), fault.ParseKind(c.Kind), c.Offset)

			var v any
			if err := dagcbor.Unmarshal(data, &v); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
				t.Errorf("Unmarshal: got %v, %v", v, err)
			}
		})
	}
}

func TestVectorsAreOfTheseLimits(t *testing.T) {
	v := readVectors(t)
	if v.Limits.Size != dagcbor.MaxSize || v.Limits.Depth != dagcbor.MaxDepth {
		t.Errorf("limits of the vectors: %+v", v.Limits)
	}
	// Text that a newer Unicode composes or reorders differently would change
	// what is canonical: look at what changed, then raise it in the vectors.
	if v.Unicode != norm.Version {
		t.Errorf("the vectors are of Unicode %s, the tables of %s", v.Unicode, norm.Version)
	}
}
