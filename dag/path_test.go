package dag_test

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// pathVectors is path.json.
type pathVectors struct {
	Order []struct {
		Hex         string
		Annotations map[string]string
	}
	Refuse []struct{ Hex, Reason string }
}

func fromHex(t testing.TB, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPaths(t *testing.T) {
	var v pathVectors
	loadVectors(t, "path.json", &v)
	last := ""
	for _, c := range v.Order {
		p := fromHex(t, c.Hex)
		if err := dag.ValidatePath(p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
		if dag.ComparePaths(last, p) >= 0 || dag.ComparePaths(p, last) <= 0 || dag.ComparePaths(p, p) != 0 {
			t.Errorf("%q is not after %q", p, last)
		}
		last = p
		ann := map[string]string{dag.AnnotationPathBytes: "of another path"}
		dag.PathAnnotations(p, ann)
		if !maps.Equal(ann, c.Annotations) {
			t.Errorf("%q has annotations %q", p, ann)
		}
		if got, err := (dag.Descriptor{Annotations: c.Annotations}).Path(); got != p || err != nil {
			t.Errorf("%q reads as %q, %v", p, got, err)
		}
	}
	for _, c := range v.Refuse {
		wantFault(t, dag.ValidatePath(fromHex(t, c.Hex)), fault.Invalid, "check path")
	}
	wantFault(t, dag.ValidatePath(strings.Repeat("x", dag.MaxPath+1)), fault.Invalid, "more than")
	if err := dag.ValidatePath(strings.Repeat("x", dag.MaxPath)); err != nil {
		t.Error(err)
	}
}

func TestPathsOrderByElement(t *testing.T) {
	path := rapid.StringMatching(`[ab\-/.]{0,6}`)
	rapid.Check(t, func(rt *rapid.T) {
		a, b := path.Draw(rt, "a"), path.Draw(rt, "b")
		if a == "" || b == "" {
			return // no elements, where Split gives an empty one
		}
		want := slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
		if got := dag.ComparePaths(a, b); got < 0 != (want < 0) || got > 0 != (want > 0) {
			rt.Errorf("%q, %q: %d, want %d", a, b, got, want)
		}
	})
}

func TestAPathWithoutATitleIsNone(t *testing.T) {
	d := dag.Descriptor{Annotations: map[string]string{dag.AnnotationPathBytes: "/w=="}}
	_, err := d.Path()
	wantFault(t, err, fault.Invalid, "is not what")
	if p, err := (dag.Descriptor{}).Path(); p != "" || err != nil {
		t.Error(p, err)
	}
	_, err = dag.FileLayer("a", 0o644, dag.EmptyBlob()).LinkTarget()
	wantFault(t, err, fault.Invalid, "not a symlink")
}

func FuzzPath(f *testing.F) {
	var v pathVectors
	loadVectors(f, "path.json", &v)
	for _, c := range v.Order {
		f.Add(fromHex(f, c.Hex), c.Annotations[dag.AnnotationPathBytes])
	}
	for _, c := range v.Refuse {
		f.Add(fromHex(f, c.Hex), "")
	}
	f.Fuzz(func(t *testing.T, raw, other string) {
		ann := map[string]string{}
		dag.PathAnnotations(raw, ann)
		for key, value := range ann {
			if !dagcbor.ValidText(value) {
				t.Errorf("%s of %q is %q", key, raw, value)
			}
		}
		got, err := dag.Descriptor{Annotations: ann}.Path()
		valid := dag.ValidatePath(raw)
		if (err == nil) != (valid == nil || raw == "") || err == nil && got != raw {
			t.Errorf("%q reads as %q, %v (%v)", raw, got, err, valid)
		}
		// One name has one encoding.
		d := dag.Descriptor{Annotations: map[string]string{dag.AnnotationPath: raw, dag.AnnotationPathBytes: other}}
		if got, err := d.Path(); err == nil && got != "" {
			again := map[string]string{}
			dag.PathAnnotations(got, again)
			if !maps.Equal(again, d.Annotations) {
				t.Errorf("%q has two encodings: %q, %q", got, d.Annotations, again)
			}
		}
		if dag.ComparePaths(raw, other) != -dag.ComparePaths(other, raw) {
			t.Errorf("%q and %q have no order", raw, other)
		}
	})
}
