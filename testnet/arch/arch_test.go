package arch_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tegwick/artifact-store/testnet/arch"
)

// The house stands as its table says.
func TestHouse(t *testing.T) {
	root := os.DirFS("../..")
	if _, err := fs.Stat(root, "go.mod"); err != nil {
		t.Fatal("not the module's root:", err)
	}
	found, err := arch.Check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// Each archive is a small tree and, in the file "want", what is wrong with it.
func TestCheck(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("found %d archives: %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tree, want := fstest.MapFS{}, ""
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				tree[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			found, err := arch.Check(tree)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(append(found, ""), "\n"); got != want {
				t.Errorf("found\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestFilesStaySmall(t *testing.T) {
	tree := fstest.MapFS{}
	for name, lines := range map[string]int{
		"store/most.go": 500, "store/most_test.go": 800, "store/over.go": 501, "store/over_test.go": 801,
	} {
		text := "// Package store is large.\npackage store\n" + strings.Repeat("\n", lines-2)
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	found, err := arch.Check(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"store/over.go: 501 lines, over the limit of 500",
		"store/over_test.go: 801 lines, over the limit of 800",
	}
	if !slices.EqualFunc(found, want, strings.HasPrefix) {
		t.Errorf("found %s, want %s", found, want)
	}
}

func TestUnreadableFilesAreErrors(t *testing.T) {
	tree := fstest.MapFS{"dag/broken.go": {Data: []byte("package")}}
	if found, err := arch.Check(tree); err == nil || !strings.Contains(err.Error(), "dag/broken.go") {
		t.Errorf("found %s, %v; want an error that names the file", fmt.Sprint(found), err)
	}
}
