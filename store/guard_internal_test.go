package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// mayDestroy are the functions that may do what destroys, by what they do.
// Whoever adds one makes it take a permit, or says here why it needs none.
var mayDestroy = map[string][]string{
	"make a permit": {
		"mayForget", "mayUnlink", "mayUnlinkUnborn", "mayUnlinkEmpty", "mayUnlinkBlank", "mayFinishUnlink",
	},
	"remove a file": {"dropSegment"},
	// The tail of a segment behind what is durable: it was never acknowledged.
	"cut a file": {"cut"},
	"delete rows": {
		"forgetPart", "dropSegment",
		// Rows of views, which follow from events.
		"indexOne", "all", "commitView", "dropViews",
		"rebuild", // the note that it is under way
	},
}

// TestOnlyTheGuardGivesLeave reads the source: nothing else makes a permit, and
// nothing that destroys is anywhere but where the permit is asked for.
func TestOnlyTheGuardGivesLeave(t *testing.T) {
	sources := func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	files := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	met := make(map[string]bool)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasSuffix(e.Name(), ".go") || !sources(info) {
			continue
		}
		f, err := parser.ParseFile(files, e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				what := destroys(n)
				if what == "" {
					return true
				}
				met[what] = true
				if !slices.Contains(mayDestroy[what], fn.Name.Name) {
					t.Errorf("%v: %s does %s", files.Position(n.Pos()), fn.Name.Name, what)
				}
				if what == "make a permit" && e.Name() != "guard.go" {
					t.Errorf("%v: outside of the guard", files.Position(n.Pos()))
				}
				return true
			})
			if takesPermit(fn) && !asksFirst(fn) {
				t.Errorf("%v: %s takes a permit and does not look at it first", files.Position(fn.Pos()), fn.Name.Name)
			}
		}
	}
	for what := range mayDestroy {
		if !met[what] {
			t.Errorf("nothing was seen to %s: this test looks for the wrong thing", what)
		}
	}
}

// destroys says what n does of what destroys, or "".
func destroys(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if id, ok := n.Type.(*ast.Ident); ok && id.Name == "permit" && len(n.Elts) > 0 {
			return "make a permit"
		}
	case *ast.CallExpr:
		call, ok := n.Fun.(*ast.SelectorExpr)
		switch {
		case !ok:
		case call.Sel.Name == "Remove" && len(n.Args) == 1:
			return "remove a file"
		case call.Sel.Name == "Truncate":
			return "cut a file"
		}
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok && id.Name == "Delete" {
			return "delete rows"
		}
	case *ast.AssignStmt:
		for _, to := range n.Lhs {
			if sel, ok := to.(*ast.SelectorExpr); ok && sel.Sel.Name == "Delete" {
				return "delete rows"
			}
		}
	}
	return ""
}

func takesPermit(fn *ast.FuncDecl) bool {
	return slices.ContainsFunc(fn.Type.Params.List, func(f *ast.Field) bool {
		id, ok := f.Type.(*ast.Ident)
		return ok && id.Name == "permit"
	})
}

// asksFirst reports whether a function begins with p.allows.
func asksFirst(fn *ast.FuncDecl) bool {
	asked := false
	ast.Inspect(fn.Body.List[0], func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "allows" {
			asked = true
		}
		return true
	})
	return asked
}

func TestNothingGoesWithoutLeave(t *testing.T) {
	s := new(Store)
	for name, p := range map[string]permit{
		"none": {}, "another act": {act: actUnlink + actForget, segment: 7},
		"to unlink another": {act: actUnlink, segment: 8}, "to forget of another": {act: actForget, segment: 8},
	} {
		if err := s.dropSegment(t.Context(), p, 7); !fault.Is(err, fault.Denied) {
			t.Errorf("unlink with leave %s: %v", name, err)
		}
		if err := s.forget(t.Context(), p, 7, new(census)); !fault.Is(err, fault.Denied) {
			t.Errorf("forget with leave %s: %v", name, err)
		}
	}
	if err := s.dropSegment(t.Context(), permit{act: actForget, segment: 7}, 7); !fault.Is(err, fault.Denied) {
		t.Errorf("unlink with leave to forget: %v", err)
	}
	if err := s.forget(t.Context(), permit{act: actUnlink, segment: 7}, 7, new(census)); !fault.Is(err, fault.Denied) {
		t.Errorf("forget with leave to unlink: %v", err)
	}
}

func TestUnknownStateDenies(t *testing.T) {
	s := new(Store)
	if _, err := s.mayForget(&collection{s: s}, 7, bitmap{1}); !fault.Is(err, fault.Denied) {
		t.Errorf("forget by a mark that is not whole: %v", err)
	}
	if _, err := mayFinishUnlink(7, segmentRow{State: segmentSealed}); !fault.Is(err, fault.Denied) {
		t.Errorf("finish what was not begun: %v", err)
	}
	if _, err := mayUnlinkEmpty(nil, 7, segmentRow{State: segmentClosed, At: pack.State{Slots: 1}}); !fault.Is(err, fault.Denied) {
		t.Errorf("a segment with records is empty: %v", err)
	}
	if _, err := mayUnlinkUnborn(nil, 7, pack.Result{}); !fault.Is(err, fault.Denied) {
		t.Errorf("a segment with a header is unborn: %v", err)
	}
}
