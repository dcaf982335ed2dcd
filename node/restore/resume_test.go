package restore_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

var errBroken = errors.New("the connection broke")

// breakAt makes m fail its n-th Get from now, and every one after it.
func breakAt(m *memory, n int) {
	m.gets = 0
	m.before = func(_ context.Context, i int, _ dag.CID) error {
		if i >= n {
			return errBroken
		}
		return nil
	}
}

// breakOn makes m fail to get one block.
func breakOn(m *memory, block dag.CID) {
	m.before = func(_ context.Context, _ int, c dag.CID) error {
		if c == block {
			return errBroken
		}
		return nil
	}
}

func heal(m *memory) { m.before = nil }

// partials returns the names of partial files beneath root.
func partials(t testing.TB, root string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(d.Name(), ".artifact-partial-") {
			names = append(names, name)
		}
		return err
	}))
	return names
}

// resumes restores into a new target while m is broken, then with m healed,
// and returns how many bytes the second restore resumed. The first may succeed.
func resumes(t *testing.T, m *memory, root dag.CID, files tree) int64 {
	t.Helper()
	target := tempDir(t)
	if _, err := attempt(m, root, target); err != nil && !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	for name, found := range scan(t, target) {
		if found.content != files[name].content && !strings.Contains(name, ".artifact-partial-") {
			t.Errorf("%q has its name and is not whole", name)
		}
	}
	heal(m)
	resumed := run(t, m, root, target).Resumed
	same(t, scan(t, target), closed(files))
	return resumed
}

func TestResumeAfterEveryGet(t *testing.T) {
	leaks(t)
	m := newMemory()
	files := sample()
	files["big"] = node{mode: 0o640, content: noise(9, 60*chunkSize)}
	root := m.artifact(t, files)
	m.gets = 0
	run(t, m, root, tempDir(t))
	for n := range m.gets {
		breakAt(m, n+1)
		resumes(t, m, root, files)
		if t.Failed() {
			t.Fatalf("interrupted at Get %d", n+1)
		}
	}
}

// TestResumeAfterEveryChunk loses the chunks of a file in turn: those before
// are resumed, however the fetching of many at once went.
func TestResumeAfterEveryChunk(t *testing.T) {
	m := newMemory()
	const chunks = 40
	content := noise(1, chunks*chunkSize)
	files := tree{"dir/f": {mode: 0o644, content: content}}
	root := m.artifact(t, files)
	for i := range chunks {
		off := i * chunkSize
		breakOn(m, dag.NewBlock(dag.Raw, []byte(content[off:off+chunkSize])).CID)
		if got := resumes(t, m, root, files); got != int64(off) {
			t.Errorf("chunk %d: %d bytes resumed, want %d", i, got, off)
		}
	}
}

// interrupted returns a target in which a restore of the file f of 100 chunks
// stopped after the first 50, and the partial file.
func interrupted(t *testing.T, m *memory, root dag.CID, content string) (target, partial string) {
	t.Helper()
	target = tempDir(t)
	breakOn(m, dag.NewBlock(dag.Raw, []byte(content[50*chunkSize:51*chunkSize])).CID)
	_, err := attempt(m, root, target)
	heal(m)
	if !errors.Is(err, errBroken) {
		t.Fatalf("got %v, want an interruption", err)
	}
	names := partials(t, target)
	if len(names) != 1 {
		t.Fatalf("got partial files %q, want one", names)
	}
	return target, names[0]
}

func TestResumeTrustsNothing(t *testing.T) {
	m := newMemory()
	content := noise(1, 50*chunkSize) + strings.Repeat("\x00", 50*chunkSize)
	files := tree{"f": {mode: 0o644, content: content}}
	root := m.artifact(t, files)
	for name, spoil := range map[string]struct {
		change  func(name string) error
		resumed int64
	}{
		"flipped": {func(name string) error {
			return patch(name, 10*chunkSize+3, "!")
		}, 10 * chunkSize},
		"cut within a chunk": {func(name string) error {
			return os.Truncate(name, 5*chunkSize+1)
		}, 5 * chunkSize},
		"longer than it will be": {func(name string) error {
			return os.WriteFile(name, []byte(content+"and more"), 0o600)
		}, 100 * chunkSize},
		"garbage where zeros belong": {func(name string) error {
			return os.WriteFile(name, []byte(content[:60*chunkSize]+noise(7, 30*chunkSize)), 0o600)
		}, 60 * chunkSize},
		"empty":     {func(name string) error { return os.Truncate(name, 0) }, 0},
		"read-only": {func(name string) error { return errors.Join(os.Truncate(name, 4*chunkSize), os.Chmod(name, 0o444)) }, 4 * chunkSize},
	} {
		t.Run(name, func(t *testing.T) {
			target, partial := interrupted(t, m, root, content)
			must(t, spoil.change(partial))
			if got := run(t, m, root, target); got.Resumed != spoil.resumed || got.Bytes != 100*chunkSize {
				t.Errorf("got %+v, want %d resumed", got, spoil.resumed)
			}
			same(t, scan(t, target), files)
		})
	}
}

// patch overwrites part of a file.
func patch(name string, off int64, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), off)
	return errors.Join(err, f.Close())
}

func TestPartialThatIsNotOurs(t *testing.T) {
	m := newMemory()
	content := noise(1, 100*chunkSize)
	root := m.artifact(t, tree{"f": {mode: 0o644, content: content}, "g": {mode: 0o644, content: "kept"}})
	outside := filepath.Join(tempDir(t), "outside")
	must(t, os.WriteFile(outside, []byte("kept"), 0o644))
	for name, put := range map[string]func(partial string) error{
		"a symlink out":            func(p string) error { return os.Symlink(outside, p) },
		"a symlink to a neighbour": func(p string) error { return os.Symlink("g", p) },
		"a directory":              func(p string) error { return os.Mkdir(p, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			target, partial := interrupted(t, m, root, content)
			must(t, os.WriteFile(filepath.Join(target, "g"), []byte("kept"), 0o644))
			must(t, os.Remove(partial))
			must(t, put(partial))
			_, err := attempt(m, root, target)
			wantKind(t, err, fault.Conflict)
			for _, kept := range []string{outside, filepath.Join(target, "g")} {
				if data := value(os.ReadFile(kept))(t); string(data) != "kept" {
					t.Errorf("%s was written through a symlink", kept)
				}
			}
		})
	}
}

func TestPartialThatIsAnotherFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file does not tell there whether it has other names")
	}
	m := newMemory()
	content := noise(1, 100*chunkSize)
	root := m.artifact(t, tree{"f": {mode: 0o644, content: content}})
	for _, mode := range []os.FileMode{0o640, 0o440} {
		target, partial := interrupted(t, m, root, content)
		outside := filepath.Join(tempDir(t), "outside")
		must(t, os.WriteFile(outside, []byte(content[:chunkSize]+"kept"), mode))
		was := scan(t, filepath.Dir(outside))
		must(t, os.Remove(partial))
		must(t, os.Link(outside, partial))
		if got := run(t, m, root, target); got.Resumed != 0 || got.Bytes != int64(len(content)) {
			t.Errorf("got %+v, want nothing resumed", got)
		}
		same(t, scan(t, target), tree{"f": {mode: 0o644, content: content}})
		same(t, scan(t, filepath.Dir(outside)), was)
	}
}

func TestPartialOfAFileThatIsThere(t *testing.T) {
	m := newMemory()
	content := noise(1, 100*chunkSize)
	files := tree{"f": {mode: 0o644, content: content}}
	root := m.artifact(t, files)
	target, _ := interrupted(t, m, root, content)
	must(t, os.WriteFile(filepath.Join(target, "f"), []byte(files["f"].content), 0o600))
	if got := run(t, m, root, target); got.Skipped != 1 || got.Resumed != 0 {
		t.Errorf("got %+v, want one skipped", got)
	}
	same(t, scan(t, target), files)
}
