package arch

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// checker collects what breaks a rule. It also remembers the packages seen,
// for the rules that need a whole package.
type checker struct {
	found []string
	pkgs  []pkg // in the order of the walk
}

// pkg is what is known of a package once its files have been read.
type pkg struct {
	dir       string
	commented bool
}

// report records a broken rule at a place.
func (c *checker) report(where, format string, args ...any) {
	c.found = append(c.found, where+": "+fmt.Sprintf(format, args...))
}

// notice remembers the file's package, and judges its names when it is new.
func (c *checker) notice(f file) {
	i := slices.IndexFunc(c.pkgs, func(p pkg) bool { return p.dir == f.pkg })
	if i < 0 {
		i = len(c.pkgs)
		c.pkgs = append(c.pkgs, pkg{dir: f.pkg})
		if name := f.ast.Name.Name; slices.Contains(vague, path.Base(f.pkg)) || slices.Contains(vague, name) {
			c.report(f.pkg, "package %s is named for nothing it holds: name it for what it does", name)
		}
		if _, ok := roomOf(f.pkg); !ok {
			c.report(f.pkg, "no room of the house: the table in testnet/arch/rooms.go does not have this directory")
		}
	}
	if f.ast.Doc != nil {
		c.pkgs[i].commented = true
	}
}

// leave applies the rules for whole packages.
func (c *checker) leave() {
	for _, p := range c.pkgs {
		if !p.commented {
			c.report(p.dir, "no file has a package comment")
		}
	}
}

// checkImports holds the file's imports against the tables.
func (c *checker) checkImports(f file) {
	r, known := roomOf(f.pkg)
	if within(f.pkg, []string{yard}) {
		return
	}
	f.imports(func(imp string, at ast.Node) {
		where := fmt.Sprintf("%s:%d", f.name, f.line(at))
		target, ours := strings.CutPrefix(imp, module+"/")
		switch {
		case ours && within(target, testOnly):
			if !f.test && !within(f.pkg, testOnly) {
				c.report(where, "%s may not import %s: it is for tests", f.pkg, target)
			}
		case ours && known && !r.admits(f, target):
			c.report(where, "%s may not import %s: %s", f.pkg, target, r)
		}
		if o, owned := ownerOf(imp); owned && !o.admits(f) {
			c.report(where, "%s may not import %s: %s; %s", f.pkg, imp, o, o.why)
		}
		if f.pure() && within(imp, impure) {
			c.report(where, "%s may not import %s: dag has no clock, disk, goroutine, network or randomness", f.pkg, imp)
		}
	})
}

// checkShape holds the file's size and functions against the house rules.
func (c *checker) checkShape(f file) {
	limit := maxLines
	if f.test {
		limit = maxTestLines
	}
	if f.lines > limit {
		c.report(f.name, "%d lines, over the limit of %d: give what it holds a file each", f.lines, limit)
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if f.pure() {
				c.report(fmt.Sprintf("%s:%d", f.name, f.line(n)), "%s may not start a goroutine: dag is functions of bytes", f.pkg)
			}
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				c.report(fmt.Sprintf("%s:%d", f.name, f.line(n)), "func init runs unasked: compute the value where it is declared, or in a constructor")
			}
		}
		return true
	})
}

// pure reports whether the file is of dag and part of the product.
func (f file) pure() bool { return !f.test && within(f.pkg, []string{"dag/..."}) }

// roomOf returns the first row that matches a package.
func roomOf(dir string) (room, bool) {
	i := slices.IndexFunc(rooms, func(r room) bool { return within(dir, []string{r.pkgs}) })
	if i < 0 {
		return room{}, false
	}
	return rooms[i], true
}

// admits reports whether the file may import target, a directory of ours. A
// test may always import the package that it tests.
func (r room) admits(f file, target string) bool {
	return within(target, r.may) || f.test && (target == f.pkg || within(target, r.tests))
}

// String says what the room may import.
func (r room) String() string {
	if len(r.may) == 0 {
		return r.pkgs + " imports nothing of ours"
	}
	return fmt.Sprintf("of ours, %s imports only %s", r.pkgs, strings.Join(r.may, ", "))
}

// ownerOf returns the row that holds an import.
func ownerOf(imp string) (owner, bool) {
	i := slices.IndexFunc(owners, func(o owner) bool { return within(imp, []string{o.path + "/..."}) })
	if i < 0 {
		return owner{}, false
	}
	return owners[i], true
}

// admits reports whether the file may import what o is about.
func (o owner) admits(f file) bool {
	return within(f.pkg, o.by) ||
		f.test && slices.ContainsFunc(o.by, func(by string) bool { return top(by) == top(f.pkg) })
}

// String says who owns it.
func (o owner) String() string {
	if len(o.by) == 0 {
		return "nobody does"
	}
	return "only " + strings.Join(o.by, ", ") + " may"
}

// top returns the first element of a path.
func top(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}
