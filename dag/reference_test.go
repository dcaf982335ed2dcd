package dag_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagtest"
	"github.com/tegwick/artifact-store/dag/fault"
)

// referenceVectors is reference.json.
type referenceVectors struct {
	Accept []struct{ Text, Namespace, Repository, Tag, Digest string }
	Refuse []struct{ Text, Reason string }
}

func loadVectors(t testing.TB, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(dagtest.Vectors(name), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestReferences(t *testing.T) {
	var v referenceVectors
	loadVectors(t, "reference.json", &v)
	for _, c := range v.Accept {
		r, err := dag.ParseReference(c.Text)
		if err != nil {
			t.Errorf("%q: %v", c.Text, err)
			continue
		}
		digest := ""
		if r.Digest != (dag.Digest{}) {
			digest = hex.EncodeToString(r.Digest[:])
		}
		if r.Namespace() != c.Namespace || r.Repository != c.Repository || r.Tag != c.Tag || digest != c.Digest {
			t.Errorf("%q is %+v", c.Text, r)
		}
		if r.String() != c.Text {
			t.Errorf("%q becomes %q", c.Text, r)
		}
	}
	for _, c := range v.Refuse {
		if r, err := dag.ParseReference(c.Text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q (%s): got %+v, %v", c.Text, c.Reason, r, err)
		}
	}
}

func TestReferenceErrorsHelp(t *testing.T) {
	for text, says := range map[string]string{
		"report:v1":   "needs a namespace and a name, as in acme/report",
		"acme/report": "write one, as in acme/report:v1",
		"a/b:x@y":     "not both",
		"a/b:.x":      "as in v1.2",
	} {
		_, err := dag.ParseReference(text)
		wantFault(t, err, fault.Invalid, says)
	}
	long := strings.Repeat("a/", 200) + "b:v1"
	_, err := dag.ParseReference(long)
	wantFault(t, err, fault.Invalid, "longer than 255")
	_, err = dag.ParseReference(strings.Repeat("x", 1<<20))
	if err == nil || len(err.Error()) > 2000 {
		t.Error("an error repeats all of a hostile text")
	}
}

func FuzzParseReference(f *testing.F) {
	var v referenceVectors
	loadVectors(f, "reference.json", &v)
	for _, c := range v.Accept {
		f.Add(c.Text)
	}
	for _, c := range v.Refuse {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := dag.ParseReference(s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		if r.String() != s {
			t.Errorf("%q becomes %q", s, r)
		}
	})
}
