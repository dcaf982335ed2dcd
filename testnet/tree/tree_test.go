// Package tree puts trees of all shapes into a node and gets them back: the
// same tree comes out, gets the same digest wherever it is put, and takes no
// room where it is known.
package tree_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/ingest"
	"github.com/tegwick/artifact-store/testnet/fixture"
)

func put(ctx context.Context, n *node.Node, name, dir string) (node.PutResult, error) {
	return n.Put(ctx, node.PutRequest{Repository: "tree/" + name, Content: ingest.Request{Paths: []string{dir}}})
}

// wantBack gets an artifact into a new directory, and compares.
func wantBack(ctx context.Context, n *node.Node, d dag.Digest, want, target string) error {
	if _, err := n.Get(ctx, node.GetRequest{Reference: dag.Reference{Digest: d}, Target: target}); err != nil {
		return err
	}
	return fixture.Same(want, target)
}

// Any tree that goes in comes out; put again from elsewhere it has the same
// digest, and nothing new.
func TestAnyTree(t *testing.T) {
	base, at := t.TempDir(), 0
	fixture.With(t, fixture.Store(t), func(ctx context.Context, n *node.Node) error {
		rapid.Check(t, func(t *rapid.T) {
			tree := draw(t)
			at++
			in := filepath.Join(base, strconv.Itoa(at))
			again, out := in+"-again", in+"-out"
			defer clean(in, again, out)
			if err := errors.Join(tree.Plant(in), tree.Plant(again)); err != nil {
				t.Fatal(err)
			}
			first, err := put(ctx, n, "any", in)
			if err != nil {
				t.Fatal(err)
			}
			if err := wantBack(ctx, n, first.Artifact.Digest(), in, out); err != nil {
				t.Fatal(err)
			}
			second, err := put(ctx, n, "again", again)
			if err != nil {
				t.Fatal(err)
			}
			if second.Artifact.Digest() != first.Artifact.Digest() || second.NewBytes != 0 || second.NewChunks != 0 {
				t.Fatalf("the same tree is %s and %s, with %d new bytes", first.Artifact.Digest(), second.Artifact.Digest(), second.NewBytes)
			}
		})
		return nil
	})
}

// clean removes trees whose directories may not be writable.
func clean(dirs ...string) {
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
		_ = os.RemoveAll(dir) // else the test's directory is removed as a whole
	}
}

// A byte that changes within a large file stores few bytes.
func TestChangedByte(t *testing.T) {
	const size = 8 << 20
	tree := fixture.Tree{"large": {Mode: 0o644, Data: fixture.Bytes(1, size)}, "small": {Mode: 0o644, Data: fixture.Bytes(2, 5000)}}
	base := t.TempDir()
	if err := tree.Plant(base); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	fixture.With(t, fixture.Store(t), func(ctx context.Context, n *node.Node) error {
		before, err := put(ctx, n, "changed", base)
		if err != nil || before.NewBytes != size+5000 {
			t.Fatalf("%d new bytes at first: %v", before.NewBytes, err)
		}
		for range 10 {
			data := tree["large"].Data
			data[r.IntN(size)] ^= 1
			if err := os.WriteFile(filepath.Join(base, "large"), data, 0o600); err != nil {
				t.Fatal(err)
			}
			after, err := put(ctx, n, "changed", base)
			if err != nil {
				t.Fatal(err)
			}
			// The chunk that holds it, and as a rule one more until cuts agree again.
			if after.NewBytes == 0 || after.NewBytes > 1<<20 || after.Artifact.Digest() == before.Artifact.Digest() {
				t.Errorf("a byte changed, %d bytes are new", after.NewBytes)
			}
			before = after
		}
		return nil
	})
}

var errEnough = errors.New("it was enough")

// A put that is cancelled, wherever it stands, shows nothing; and then it works.
func TestCancelled(t *testing.T) {
	tree := make(fixture.Tree)
	for i := range 40 {
		tree[strconv.Itoa(i)] = fixture.Entry{Mode: 0o644, Data: fixture.Bytes(uint64(i), 1000*i*i)}
	}
	base := t.TempDir()
	if err := tree.Plant(base); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	fixture.With(t, fixture.Store(t), func(ctx context.Context, n *node.Node) error {
		for i := range 20 {
			name := "cancelled" + strconv.Itoa(i)
			// Content that no other round has, for the work to be real.
			data := binary.BigEndian.AppendUint64(nil, uint64(i))
			if err := os.WriteFile(filepath.Join(base, "39"), append(data, fixture.Bytes(uint64(i), 3<<20)...), 0o600); err != nil {
				t.Fatal(err)
			}
			limit := r.Int64N(8 << 20)
			cancelAt(t, ctx, n, name, base, limit)
			shown := 0
			if err := n.List(ctx, "tree/"+name, func(node.Artifact) error { shown++; return nil }); err != nil || shown > 0 {
				t.Fatalf("cancelled after %d bytes, %d artifacts are there: %v", limit, shown, err)
			}
			if i%5 > 0 {
				continue
			}
			res, err := put(ctx, n, name, base)
			if err != nil {
				t.Fatal(err)
			}
			if err := wantBack(ctx, n, res.Artifact.Digest(), base, filepath.Join(t.TempDir(), "out")); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	})
}

// cancelAt puts, and cancels once so many bytes are read.
func cancelAt(t *testing.T, ctx context.Context, n *node.Node, name, dir string, limit int64) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_, err := n.Put(ctx, node.PutRequest{Repository: "tree/" + name, Content: ingest.Request{
		Paths: []string{dir},
		Progress: func(e ingest.Event) {
			if e.Bytes >= limit {
				cancel(errEnough)
			}
		},
	}})
	if !errors.Is(err, errEnough) {
		t.Fatalf("cancelled after %d bytes: %v", limit, err)
	}
}

// The source of Go goes in and comes back.
func TestRealTree(t *testing.T) {
	if testing.Short() {
		t.Skip("a real tree is not put in short tests")
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src, err := filepath.EvalSymlinks(filepath.Join(strings.TrimSpace(string(goroot)), "src"))
	if err != nil {
		t.Fatal(err)
	}
	fixture.With(t, fixture.Store(t), func(ctx context.Context, n *node.Node) error {
		first, err := put(ctx, n, "go", src)
		if err != nil {
			return err
		}
		t.Logf("%d files, %d MiB, %d MiB new", first.Files, first.Bytes>>20, first.NewBytes>>20)
		if err := wantBack(ctx, n, first.Artifact.Digest(), src, t.TempDir()); err != nil {
			return err
		}
		again, err := put(ctx, n, "go", src)
		if err == nil && (again.NewBytes != 0 || again.Artifact.Digest() != first.Artifact.Digest()) {
			t.Errorf("put again it is %s with %d new bytes", again.Artifact.Digest(), again.NewBytes)
		}
		return err
	})
}
