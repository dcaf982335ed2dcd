package ingest_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node/ingest"
)

// node is something in a generated tree.
type node struct {
	dir    bool
	target string // of a symlink
	data   []byte
	mode   os.FileMode
}

// elements are what generated paths are made of: names that need care.
func elements() []string {
	names := []string{
		"a", "b", "a-b", "a.b", "with space", " ", "UPPER", "%41", `back\slash`, "new\nline", "\x01", "日本",
		"caf\u00e9", "nai\u0308ve", "...", "-", "-rf", "emoji🙂", strings.Repeat("long", 60),
	}
	switch runtime.GOOS {
	case "linux":
		names = append(names, "\xff\xfe", "caf\xe9", "cafe\u0301") // the last beside its NFC form
	case "windows":
		names = slices.DeleteFunc(names, func(n string) bool { return strings.ContainsAny(n, "\\\n\x01") || strings.Trim(n, " .") == "" })
	}
	return names
}

// drawTree generates a tree as a map from slash-separated paths, in which all
// the parents of a path stand too.
func drawTree(t *rapid.T) map[string]node {
	name := rapid.SampledFrom(elements())
	tree := make(map[string]node)
	for range rapid.IntRange(0, 25).Draw(t, "nodes") {
		path := strings.Join(rapid.SliceOfN(name, 1, 8).Draw(t, "path"), "/")
		if plant(tree, path) {
			tree[path] = drawNode(t)
		}
	}
	return tree
}

// plant makes room for path: directories above it, unless something is there.
func plant(tree map[string]node, path string) bool {
	if _, ok := tree[path]; ok {
		return false
	}
	for i, c := range path {
		if c == '/' {
			if n, ok := tree[path[:i]]; ok && !n.dir {
				return false
			}
		}
	}
	for i, c := range path {
		if c == '/' {
			if _, ok := tree[path[:i]]; !ok {
				tree[path[:i]] = node{dir: true, mode: 0o755}
			}
		}
	}
	return true
}

func drawNode(t *rapid.T) node {
	posix := runtime.GOOS != "windows"
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0, 1:
		n := node{dir: true, mode: 0o755}
		if posix {
			n.mode = os.FileMode(rapid.SampledFrom([]int{0o755, 0o700, 0o777, 0o750}).Draw(t, "mode"))
		}
		return n
	case 2, 3:
		if posix {
			return node{target: rapid.SampledFrom([]string{"a", "../..", "/etc/passwd", "dangling/é", "\xff", "cafe\u0301"}).Draw(t, "target")}
		}
	}
	n := node{mode: 0o644}
	if posix {
		n.mode = os.FileMode(rapid.IntRange(0, 0o777).Draw(t, "mode")) | 0o400
	}
	// rarely one for the pipeline, often equal ones
	size := rapid.SampledFrom([]int{0, 1, 10, 1000, 1000, 20_000, 70_000, 400_000, 1<<20 + 77}).Draw(t, "size")
	n.data = random(uint64(rapid.IntRange(0, 3).Draw(t, "seed")), size)
	return n
}

// plantTree writes tree under dir, in an order of seed's.
func plantTree(t testing.TB, dir string, tree map[string]node, seed uint64) {
	paths := slices.Sorted(maps.Keys(tree))
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for _, p := range paths {
		at := filepath.Join(dir, filepath.FromSlash(p))
		check(t, os.MkdirAll(filepath.Dir(at), 0o755))
		switch n := tree[p]; {
		case n.dir:
			check(t, os.MkdirAll(at, 0o755))
		case n.target != "":
			check(t, os.Symlink(n.target, at))
		default:
			check(t, os.WriteFile(at, n.data, 0o600))
		}
	}
	for _, p := range paths { // now that nothing more is to be written
		if n := tree[p]; n.target == "" {
			check(t, os.Chmod(filepath.Join(dir, filepath.FromSlash(p)), n.mode))
		}
	}
}

// wanted returns the paths that an artifact of tree has as layers.
func wanted(tree map[string]node) []string {
	var paths []string
	for p, n := range tree {
		empty := true
		for q := range tree {
			empty = empty && !strings.HasPrefix(q, p+"/")
		}
		if !n.dir || empty || n.mode != 0o755 {
			paths = append(paths, p)
		}
	}
	slices.SortFunc(paths, dag.ComparePaths)
	return paths
}

func TestAnyTreeComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tree := drawTree(rt)
		dir, err := os.MkdirTemp("", "ingest-tree")
		check(t, err)
		defer os.RemoveAll(dir)
		one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
		check(t, os.Mkdir(one, 0o755))
		check(t, os.Mkdir(two, 0o700)) // the mode of the top is not kept
		plantTree(t, one, tree, 1)
		plantTree(t, two, tree, rapid.Uint64().Draw(rt, "order"))

		res, a := mustIngest(t, ingest.Request{Paths: []string{one}, Workers: 1})
		workers := rapid.IntRange(2, ingest.MaxWorkers).Draw(rt, "workers")
		again, _ := mustIngest(t, ingest.Request{Paths: []string{two}, Workers: workers})
		if res.Manifest != again.Manifest || res.OCIDigest != again.OCIDigest {
			rt.Fatalf("the same tree gave %s and %s", res.Manifest, again.Manifest)
		}
		if want := wanted(tree); !slices.Equal(a.paths, want) {
			rt.Fatalf("layers %q, want %q", a.paths, want)
		}
		for _, p := range a.paths {
			if err := compare(t, a, p, tree[p]); err != nil {
				rt.Fatal(err)
			}
		}
		if total := res.Files + res.Symlinks + res.Directories; total != int64(len(a.paths)) {
			rt.Fatalf("%d layers are counted as %+v", len(a.paths), res)
		}
	})
}

// compare holds a layer against what was planted.
func compare(t testing.TB, a artifact, path string, n node) error {
	d := a.layers[path]
	mode, err := d.Mode()
	if err != nil {
		return err
	}
	switch {
	case n.target != "":
		target, err := d.LinkTarget()
		if err != nil || target != n.target {
			return fmt.Errorf("%q links %q, want %q: %v", path, target, n.target, err)
		}
		return nil
	case os.FileMode(mode) != n.mode:
		return fmt.Errorf("%q has mode %o, want %o", path, mode, n.mode)
	case n.dir != (d.MediaType == dag.TypeDirectory):
		return fmt.Errorf("%q is %s", path, d.MediaType)
	case !bytes.Equal(a.content(t, d), n.data):
		return fmt.Errorf("%q came back different", path)
	}
	return nil
}

func TestDeepTreeAndLongPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows limits the depth itself")
	}
	dir := t.TempDir()
	path := strings.Repeat("d/", 1500) + "f"
	write(t, filepath.Join(dir, path), []byte("deep"))
	_, a := mustIngest(t, ingest.Request{Paths: []string{dir}})
	if got := a.file(t, path); string(got) != "deep" {
		t.Errorf("got %q", got)
	}
}

// A tree of more layers than fit in one block, in directories enough to run
// out of descriptors if each stayed open.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	const n = 6000
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprint(i%2000))
		if i < 2000 {
			check(t, os.Mkdir(sub, 0o755))
		}
		check(t, os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), fmt.Append(nil, i), 0o644))
	}
	res, a := mustIngest(t, ingest.Request{Paths: []string{dir}})
	if res.Files != n || a.manifest.Count() != n {
		t.Fatalf("%d files, %d layers", res.Files, a.manifest.Count())
	}
	for _, p := range a.paths {
		if got, want := string(a.file(t, p)), filepath.Base(p); got != want {
			t.Fatalf("%q holds %q", p, got)
		}
	}
}
