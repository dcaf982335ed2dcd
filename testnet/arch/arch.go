// Package arch holds the walls of the house: which room may import which, who
// alone may use a third-party module, what the pure rooms may not touch, and
// how large a file may grow. Its test holds them against the tree; the tables
// stand in rooms.go.
package arch

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the path before every import of ours.
const module = "github.com/tegwick/artifact-store"

// Check reads every Go file of the module whose root is tree and returns what
// breaks a rule, a line each as in "dag/cid.go:9: dag may not use os: …", in
// the order of the files. Directories that the go command ignores, and other
// modules, are left out. An error is a file that cannot be read or parsed.
func Check(tree fs.FS) ([]string, error) {
	var c checker
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return c.enter(tree, name)
		case path.Ext(name) != ".go":
			return nil
		}
		return c.read(tree, name)
	})
	c.leave()
	return c.found, err
}

// enter begins a directory, or skips it.
func (c *checker) enter(tree fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	base := path.Base(dir)
	if base[0] == '.' || base[0] == '_' || base == "testdata" {
		return fs.SkipDir
	}
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	if err == nil {
		return fs.SkipDir
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// read parses a file and applies the rules for files.
func (c *checker) read(tree fs.FS, name string) error {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		return err
	}
	f := file{
		name: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		fset: fset, ast: parsed, lines: strings.Count(string(src), "\n"),
	}
	c.notice(f)
	c.checkImports(f)
	c.checkShape(f)
	return nil
}

// file is a parsed Go file.
type file struct {
	name  string // slash-separated, from the module's root
	pkg   string // its directory
	test  bool
	lines int
	fset  *token.FileSet
	ast   *ast.File
}

// line returns where in the file n begins.
func (f file) line(n ast.Node) int { return f.fset.Position(n.Pos()).Line }

// imports calls fn with each import path of the file and its place.
func (f file) imports(fn func(path string, at ast.Node)) {
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			fn(p, spec)
		}
	}
}

// within reports whether pkg is one of the patterns: a path alone, or a path
// and "/..." for it and everything below.
func within(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		root, below := strings.CutSuffix(p, "/...")
		return pkg == root || below && strings.HasPrefix(pkg, root+"/")
	})
}
