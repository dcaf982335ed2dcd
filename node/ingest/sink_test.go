package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/chunk"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/ingest"
)

// sink keeps blocks in memory and holds the caller to the contract: blocks are
// what their CID says, and what they link came before.
type sink struct {
	hook func(dag.Block) error // called before a block is received; may be nil

	mu      sync.Mutex // guards what follows
	blocks  map[dag.CID][]byte
	flushed bool // since the last block
}

func newSink() *sink { return &sink{blocks: make(map[dag.CID][]byte)} }

func (s *sink) Receive(ctx context.Context, b dag.Block) (bool, error) {
	if s.hook != nil {
		if err := s.hook(b); err != nil {
			return false, err
		}
	}
	if _, err := dag.Check(b.CID, b.Data); err != nil {
		return false, err
	}
	links, err := dag.Links(b)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range links {
		if _, ok := s.blocks[l]; !ok {
			return false, fmt.Errorf("block %s links %s, which did not come before", b.CID, l)
		}
	}
	_, known := s.blocks[b.CID]
	s.blocks[b.CID] = bytes.Clone(b.Data)
	s.flushed = false
	return !known, ctx.Err()
}

func (s *sink) Flush(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushed = true
	return nil
}

func (s *sink) Get(_ context.Context, c dag.CID) (dag.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.blocks[c]
	if !ok {
		return dag.Block{}, fault.New(fault.NotFound, "get", c.String(), "no such block")
	}
	return dag.Check(c, data)
}

// holds reports whether any block contains text.
func (s *sink) holds(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, data := range s.blocks {
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

// artifact is what can be read back of an artifact.
type artifact struct {
	manifest *dag.Manifest
	layers   map[string]dag.Descriptor
	paths    []string // in the manifest's order
	sink     *sink
}

func open(t testing.TB, s *sink, c dag.CID) artifact {
	t.Helper()
	ctx := context.Background()
	b, err := s.Get(ctx, c)
	check(t, err)
	m, err := dag.DecodeManifest(b)
	check(t, err)
	a := artifact{manifest: m, layers: make(map[string]dag.Descriptor), sink: s}
	check(t, m.Layers(ctx, s, "", func(d dag.Descriptor) error {
		p, err := d.Path()
		a.layers[p] = d
		a.paths = append(a.paths, p)
		return err
	}))
	return a
}

// content reads a whole blob through its tree.
func (a artifact) content(t testing.TB, d dag.Descriptor) []byte {
	t.Helper()
	ctx := context.Background()
	r, err := dag.OpenBlob(ctx, a.sink, d.Root)
	check(t, err)
	if uint64(r.Size()) != d.Size {
		t.Fatalf("blob has %d bytes, descriptor says %d", r.Size(), d.Size)
	}
	buf := make([]byte, r.Size())
	if n, err := r.ReadAt(ctx, buf, 0); n != len(buf) || err != nil && err != io.EOF {
		t.Fatalf("read %d of %d bytes: %v", n, len(buf), err)
	}
	return buf
}

func (a artifact) file(t testing.TB, path string) []byte {
	t.Helper()
	d, ok := a.layers[path]
	if !ok {
		t.Fatalf("no layer %q; there are %q", path, a.paths)
	}
	return a.content(t, d)
}

func profile(t testing.TB) chunk.Profile {
	t.Helper()
	p, err := chunk.Lookup(chunk.Default)
	check(t, err)
	return p
}

// mustIngest ingests into a fresh sink and reads back.
func mustIngest(t testing.TB, req ingest.Request) (ingest.Result, artifact) {
	t.Helper()
	s := newSink()
	if req.Profile.Max() == 0 {
		req.Profile = profile(t)
	}
	res, err := ingest.Ingest(t.Context(), s, req)
	check(t, err)
	if !s.flushed {
		t.Fatal("not flushed after the last block")
	}
	return res, open(t, s, res.Manifest)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
