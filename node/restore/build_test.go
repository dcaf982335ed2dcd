package restore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// chunkSize is how test content is cut: small, so that little is much.
const chunkSize = 1 << 10

// memory is a getter over a map.
type memory struct {
	mu     sync.Mutex // guards blocks and gets
	blocks map[dag.CID][]byte
	gets   int
	root   dag.CID // of the artifact that blocks is the closure of, where it is one
	// before, if set, is called for each Get with its number, from 1; what it
	// returns fails the Get. It is set while nobody reads.
	before func(ctx context.Context, n int, c dag.CID) error
}

func newMemory() *memory {
	m := &memory{blocks: make(map[dag.CID][]byte)}
	m.put(dag.EmptyBlock())
	return m
}

func (m *memory) Get(ctx context.Context, c dag.CID) (dag.Block, error) {
	m.mu.Lock()
	m.gets++
	n := m.gets
	data, ok := m.blocks[c]
	m.mu.Unlock()
	if m.before != nil {
		if err := m.before(ctx, n, c); err != nil {
			return dag.Block{}, err
		}
	}
	if !ok {
		return dag.Block{}, fault.New(fault.NotFound, "get", c.String(), "no such block")
	}
	return dag.Check(c, data)
}

func (m *memory) put(b dag.Block) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocks[b.CID] = slices.Clone(b.Data)
	return nil
}

// clone returns a copy that can be spoiled.
func (m *memory) clone() *memory { return &memory{blocks: maps.Clone(m.blocks)} }

// blob stores content in chunks of the given size, with all digests.
func (m *memory) blob(t testing.TB, content []byte, size int) dag.Blob {
	t.Helper()
	whole, sum := sha256.Sum256(content), dag.Sum(content)
	d := dag.Digests{"sha256": whole[:]}
	if len(content) > 0 {
		d["blake3"] = sum[:]
	}
	return m.cut(t, content, size, d)
}

// cut stores content in chunks of the given size.
func (m *memory) cut(t testing.TB, content []byte, size int, d dag.Digests) dag.Blob {
	t.Helper()
	tree := dag.NewTreeBuilder("test", m.put)
	for c := range slices.Chunk(content, size) {
		b := dag.NewBlock(dag.Raw, c)
		must(t, m.put(b))
		must(t, tree.Add(b.CID, len(c)))
	}
	return value(tree.Finish(d))(t)
}

// node is a thing in a tree: a directory, a symlink where link is set, or a file.
type node struct {
	dir     bool
	mode    fs.FileMode
	link    string
	content string
}

// tree is a file tree by path.
type tree map[string]node

// artifact stores a tree and returns its manifest.
func (m *memory) artifact(t testing.TB, files tree) dag.CID {
	t.Helper()
	var layers []dag.Descriptor
	for name, n := range files {
		layers = append(layers, m.layer(t, name, n))
	}
	return m.manifest(t, dag.Manifest{}, layers...)
}

func (m *memory) layer(t testing.TB, name string, n node) dag.Descriptor {
	switch {
	case n.dir:
		return dag.DirectoryLayer(name, uint32(n.mode))
	case n.link != "":
		return dag.SymlinkLayer(name, n.link)
	}
	return dag.FileLayer(name, uint32(n.mode), m.blob(t, []byte(n.content), chunkSize))
}

func (m *memory) manifest(t testing.TB, man dag.Manifest, layers ...dag.Descriptor) dag.CID {
	t.Helper()
	return value(dag.BuildManifest(man, layers, m.put))(t).CID
}

// tempDir is t.TempDir for trees with directories that their owner may not enter.
func tempDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { scan(t, dir) })
	return dir
}

// scan reads a tree from disk, and opens to its owner what is not.
func scan(t testing.TB, root string) tree {
	t.Helper()
	found := make(tree)
	must(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n := node{dir: d.IsDir(), mode: info.Mode().Perm()}
		if need := map[fs.FileMode]fs.FileMode{0: 0o400, fs.ModeDir: 0o700}[info.Mode().Type()]; n.mode&need != need {
			must(t, os.Chmod(name, n.mode|need))
		}
		switch info.Mode().Type() {
		case fs.ModeSymlink:
			n.mode = 0
			n.link, err = os.Readlink(name)
		case 0:
			var data []byte
			data, err = os.ReadFile(name)
			n.content = string(data)
		}
		rel, _ := filepath.Rel(root, name)
		found[filepath.ToSlash(rel)] = n
		return err
	}))
	return found
}

// closed returns files with the directories that they imply.
func closed(files tree) tree {
	all := maps.Clone(files)
	for name := range files {
		for p := path.Dir(name); p != "."; p = path.Dir(p) {
			if _, ok := all[p]; !ok {
				all[p] = node{dir: true, mode: 0o755}
			}
		}
	}
	return all
}

// same fails the test where two trees differ.
func same(t testing.TB, got, want tree) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		g, ok := got[name]
		if !ok {
			t.Errorf("%q is missing", name)
			continue
		}
		w := want[name]
		if g.dir != w.dir || g.mode != w.mode || g.link != w.link || g.content != w.content {
			t.Errorf("%q: got dir %v mode %o link %q %d bytes, want dir %v mode %o link %q %d bytes",
				name, g.dir, g.mode, g.link, len(g.content), w.dir, w.mode, w.link, len(w.content))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%q should not be there", name)
		}
	}
}

// noise returns n bytes that do not repeat, the same for the same seed.
func noise(seed byte, n int) string {
	var out bytes.Buffer
	sum := sha256.Sum256([]byte{seed})
	for out.Len() < n {
		out.Write(sum[:])
		sum = sha256.Sum256(sum[:])
	}
	return out.String()[:n]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// value returns v, or fails the test.
func value[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func wantKind(t testing.TB, err error, kinds ...fault.Kind) {
	t.Helper()
	if err == nil || !slices.Contains(kinds, fault.KindOf(err)) {
		t.Fatalf("got error %v of kind %s, want one of %v", err, fault.KindOf(err), kinds)
	}
}

// leaks fails the test where it leaves goroutines or open files behind.
func leaks(t *testing.T) {
	before, files := runtime.NumGoroutine(), openFiles()
	t.Cleanup(func() {
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
			runtime.Gosched() // those that have returned may not be gone yet
		}
		if n := runtime.NumGoroutine(); n > before {
			buf := make([]byte, 1<<16)
			t.Errorf("%d goroutines more than before\n%s", n-before, buf[:runtime.Stack(buf, true)])
		}
		if n := openFiles(); n > files {
			t.Errorf("%d open files where there were %d", n, files)
		}
	})
}

// openFiles counts this process's descriptors, where the system shows them.
func openFiles() int {
	names, _ := os.ReadDir("/proc/self/fd")
	return len(names)
}
