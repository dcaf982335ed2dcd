package restore_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/restore"
)

type restoreRequest = restore.Request

func restoreFrom(g dag.Getter, root dag.CID, target string) (restore.Result, error) {
	return restore.Restore(context.Background(), g, restore.Request{Manifest: root, Target: target})
}

func stream(m *memory, root dag.CID, path string) (string, error) {
	var out bytes.Buffer
	n, err := restore.Stream(context.Background(), m, root, path, &out)
	if n != int64(out.Len()) {
		return "", errors.New("the count is wrong")
	}
	return out.String(), err
}

func TestStream(t *testing.T) {
	leaks(t)
	m := newMemory()
	files := sample()
	root := m.artifact(t, files)
	for name, n := range files {
		got, err := stream(m, root, name)
		switch {
		case n.dir || n.link != "":
			wantKind(t, err, fault.Invalid)
		case err != nil || got != n.content:
			t.Errorf("%q: got %d bytes and %v, want %d bytes", name, len(got), err, len(n.content))
		}
	}
	_, err := stream(m, root, "nothing")
	wantKind(t, err, fault.NotFound)
	_, err = stream(m, root, "")
	wantKind(t, err, fault.Invalid)

	alone := m.artifact(t, tree{"f": files["zeros"]})
	if got, err := stream(m, alone, ""); err != nil || got != files["zeros"].content {
		t.Errorf("the only file: got %d bytes and %v", len(got), err)
	}
}

// full takes so much and no more.
type full struct{ left int }

var errFull = errors.New("full")

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestStreamEnds(t *testing.T) {
	leaks(t)
	m := newMemory()
	content := noise(1, 400*chunkSize)
	root := m.artifact(t, tree{"f": {mode: 0o644, content: content}})
	n, err := restore.Stream(context.Background(), m, root, "f", &full{left: 5*chunkSize + 1})
	if !errors.Is(err, errFull) || n != 5*chunkSize+1 {
		t.Errorf("a writer that fails: got %d bytes and %v", n, err)
	}

	bad := dag.NewBlock(dag.Raw, []byte(content[9*chunkSize:10*chunkSize])).CID
	spoiled := m.clone()
	spoiled.blocks[bad] = []byte("x")
	var out bytes.Buffer
	_, err = restore.Stream(context.Background(), spoiled, root, "f", &out)
	wantKind(t, err, fault.Corrupt)
	if out.String() != content[:9*chunkSize] || !strings.Contains(err.Error(), bad.String()) {
		t.Errorf("%d bytes came before the bad chunk, and %v", out.Len(), err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = restore.Stream(ctx, m, root, "f", &out); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}
