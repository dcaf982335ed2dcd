package trust_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/trust"
)

// TestZeroAdmission covers nothing, not even nothing.
func TestZeroAdmission(t *testing.T) {
	var zero trust.Admission
	if zero.Covers("", "", dag.CID{}) || zero.Covers("acme/app", "v1", manifest("it")) || zero.Epoch() != 0 || zero.Revocations() != 0 {
		t.Error("the zero Admission covers something")
	}
}

// TestAdmissionCovers what was asked for, and nothing like it.
func TestAdmissionCovers(t *testing.T) {
	c := newCast(t)
	var none *trust.Policy
	set := c.policy(t, c.document(t)).Revoked(12)
	for _, p := range []*trust.Policy{none, set} {
		a, err := p.Admit(asks("acme/dev", "v1"), []trust.Statement{claim(c.ci, "acme/dev", "v1")}, now)
		must(t, err)
		if !a.Covers("acme/dev", "v1", manifest("it")) || a.Epoch() != p.Epoch() || a.Revocations() != p.Revocations() {
			t.Errorf("of epoch %d: it does not cover what was admitted, or says another epoch", p.Epoch())
		}
		raw := manifest("it")
		raw.Codec = dag.Raw
		if a.Covers("acme/dev", "v2", manifest("it")) || a.Covers("acme/dev", "", manifest("it")) || a.Covers("acme/de", "v1", manifest("it")) ||
			a.Covers("acme/dev", "v1", manifest("other")) || a.Covers("acme/dev", "v1", raw) || a.Covers("", "", dag.CID{}) {
			t.Errorf("of epoch %d: it covers more than was admitted", p.Epoch())
		}
	}
	if v := none.Check(asks("acme/dev", "v1"), nil, now); !v.Allowed || len(v.Outcomes) != 1 || !v.Outcomes[0].OK || !strings.Contains(why(v), "no policy is set") {
		t.Errorf("without a policy: %+v", v)
	}
}

// TestOnlyTrustAdmits holds the type and the package's source to it: no other
// package can set a field of an Admission, and in this one a single function
// does, which the two doors go through.
func TestOnlyTrustAdmits(t *testing.T) {
	for f := range reflect.TypeFor[trust.Admission]().Fields() {
		if f.IsExported() || f.Anonymous {
			t.Errorf("the field %s can be set from outside", f.Name)
		}
	}
	files, err := filepath.Glob("*.go")
	must(t, err)
	var makers, doors []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		must(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		must(t, err)
		for _, decl := range parsed.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				if mentions(decl, "Admission") > 1 || mentions(decl, "Admission") == 1 && file != "admission.go" {
					t.Errorf("%s: something but a function makes or holds admissions", file)
				}
				continue
			}
			if makes(fn) {
				makers = append(makers, fn.Name.Name)
			}
			if fn.Name.IsExported() && fn.Type.Results != nil && mentions(fn.Type.Results, "Admission") > 0 {
				doors = append(doors, fn.Name.Name)
			}
		}
	}
	slices.Sort(doors)
	if !slices.Equal(makers, []string{"admit"}) || !slices.Equal(doors, []string{"Admit", "Admit"}) {
		t.Errorf("admissions are made by %v, and handed out by %v", makers, doors)
	}
}

// makes reports whether a function has a composite literal of an Admission that
// is not empty, or sets its mark.
func makes(fn *ast.FuncDecl) (found bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			found = found || len(n.Elts) > 0 && n.Type != nil && mentions(n.Type, "Admission") > 0
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				field, ok := left.(*ast.SelectorExpr)
				found = found || ok && field.Sel.Name == "made"
			}
		}
		return true
	})
	return found
}

func mentions(n ast.Node, name string) (times int) {
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			times++
		}
		return true
	})
	return times
}
