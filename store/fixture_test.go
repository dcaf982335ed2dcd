package store_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
	"github.com/tegwick/artifact-store/trust"
)

// world is a store over planes that outlive it, so that a test can close it,
// lose power, and open it again.
type world struct {
	t     *testing.T
	opt   store.Options
	s     *store.Store
	close func() error
}

// newWorld opens a store over a directory of the test and a map. It is checked
// by fsck when the test ends.
func newWorld(t *testing.T, change ...func(*store.Options)) *world {
	t.Helper()
	fs, err := pack.OS(t.TempDir(), pack.OSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, opt: store.Options{
		ID: pack.StoreID{1, 2, 3}, Packs: fs, Meta: storetest.NewMemory(), Now: time.Now,
		Site: "example.org", NodeOrigin: nodeOrigin, Checkpoints: testSigner, SegmentSize: 16 << 20,
	}}
	for _, f := range change {
		f(&w.opt)
	}
	w.open()
	t.Cleanup(func() {
		if w.s == nil {
			return
		}
		report, err := w.s.Fsck(context.Background(), nil)
		if err != nil {
			t.Errorf("fsck: %v: %+v", err, report.Problems)
		}
		w.stop()
	})
	return w
}

// open opens the store and runs it.
func (w *world) open() {
	w.t.Helper()
	opt := w.opt
	opt.Meta = keepOpen{opt.Meta}
	s, err := store.Open(context.Background(), opt)
	if err != nil {
		w.t.Fatal(err)
	}
	w.run(s)
}

func (w *world) run(s *store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	w.s = s
	w.close = func() error {
		cancel()
		return errors.Join(<-ended, s.Close())
	}
}

// stop ends the store and leaves its planes open.
func (w *world) stop() {
	w.t.Helper()
	if err := w.close(); err != nil {
		w.t.Errorf("run: %v", err)
	}
	w.s = nil
}

// artifact is what a test put: a manifest over one blob of many chunks.
type artifact struct {
	manifest dag.CID
	chunks   []dag.Block // and nodes
}

// put receives and publishes an artifact of n chunks of size bytes, whose
// content follows from seed. The same seed gives the same chunks.
func put(ctx context.Context, s *store.Store, repository, tag string, seed uint64, n, size int) (artifact, error) {
	l := s.Begin()
	defer l.Release()
	a, err := receive(ctx, l, seed, n, size)
	if err != nil {
		return a, err
	}
	_, err = publish(ctx, l, repository, tag, a.manifest)
	return a, err
}

func receive(ctx context.Context, l *store.Lease, seed uint64, n, size int) (artifact, error) {
	var a artifact
	in := func(b dag.Block) error {
		a.chunks = append(a.chunks, b)
		_, err := l.Receive(ctx, b)
		return err
	}
	m, err := build(in, seed, n, size)
	a.manifest = m
	return a, err
}

// build makes the blocks of an artifact, links first, and returns its manifest.
func build(in func(dag.Block) error, seed uint64, n, size int) (dag.CID, error) {
	tree := dag.NewTreeBuilder("default", in)
	for i := range n {
		b := chunk(seed, i, size)
		if err := in(b); err != nil {
			return dag.CID{}, err
		}
		if err := tree.Add(b.CID, len(b.Data)); err != nil {
			return dag.CID{}, err
		}
	}
	blob, err := tree.Finish(nil)
	if err != nil {
		return dag.CID{}, err
	}
	mb := dag.NewManifestBuilder(dag.Manifest{}, in)
	if err := mb.Add(dag.FileLayer(fmt.Sprintf("file-%d", seed), 0o644, blob)); err != nil {
		return dag.CID{}, err
	}
	m, err := mb.Finish()
	return m.CID, err
}

// chunk is the i-th chunk of the content that follows from seed.
func chunk(seed uint64, i, size int) dag.Block {
	data := make([]byte, size)
	rng := rand.New(rand.NewPCG(seed, uint64(i)))
	for j := 0; j+8 <= size; j += 8 {
		binary.LittleEndian.PutUint64(data[j:], rng.Uint64())
	}
	for j := size &^ 7; j < size; j++ {
		data[j] = byte(rng.Uint32())
	}
	return dag.NewBlock(dag.Raw, data)
}

func (w *world) put(repository, tag string, seed uint64, n, size int) artifact {
	w.t.Helper()
	a, err := put(context.Background(), w.s, repository, tag, seed, n, size)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// has checks that every block of a can be read.
func (w *world) has(a artifact) {
	w.t.Helper()
	for _, want := range a.chunks {
		got, err := w.s.Get(context.Background(), want.CID)
		if err != nil {
			w.t.Fatal(err)
		}
		if !bytes.Equal(got.Data, want.Data) {
			w.t.Fatalf("block %s has other bytes", want.CID)
		}
	}
	if _, err := w.s.Get(context.Background(), a.manifest); err != nil {
		w.t.Fatal(err)
	}
}

// gone counts the chunks of a that are no longer there.
func (w *world) gone(a artifact) (n int) {
	w.t.Helper()
	for _, b := range a.chunks {
		switch _, err := w.s.Get(context.Background(), b.CID); {
		case fault.Is(err, fault.NotFound):
			n++
		case err != nil:
			w.t.Fatal(err)
		}
	}
	return n
}

func ref(t *testing.T, s string) dag.Reference {
	t.Helper()
	r, err := dag.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rows returns all that the metadata holds.
func (w *world) rows() map[string]string {
	w.t.Helper()
	pairs, err := storetest.Dump(context.Background(), w.opt.Meta)
	if err != nil {
		w.t.Fatal(err)
	}
	rows := make(map[string]string, len(pairs))
	for _, p := range pairs {
		rows[string(p.Key)] = string(p.Value)
	}
	return rows
}

// publish publishes what nobody has to admit.
func publish(ctx context.Context, l *store.Lease, repository, tag string, manifest dag.CID) (store.Artifact, error) {
	p := store.Publication{Repository: repository, Tag: tag, Manifest: manifest}
	a, err := admit(repository, tag, manifest)
	if err != nil {
		return store.Artifact{}, err
	}
	return l.Publish(ctx, a, p)
}

// setTag sets a tag that nobody has to admit.
func setTag(ctx context.Context, s *store.Store, a store.Artifact, repository, tag string) error {
	adm, err := admit(repository, tag, a.Manifest)
	if err != nil {
		return err
	}
	return s.Tag(ctx, adm, a, store.Publication{Repository: repository, Tag: tag})
}

func admit(repository, tag string, manifest dag.CID) (trust.Admission, error) {
	var open *trust.Policy
	return open.Admit(trust.Subject{Repository: repository, Tag: tag, Manifest: manifest}, nil, time.Now())
}

// signer signs checkpoints as a node does.
type signer struct{ key ed25519.PrivateKey }

func (s signer) Checkpoint(c eventlog.Checkpoint) ([]byte, error) {
	by, err := eventlog.Signer(c.Origin, s.key)
	if err != nil {
		return nil, err
	}
	return c.Sign(by)
}

// testSigner is the same node's in every test.
var testSigner = signer{ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}

// nodeOrigin is the origin line of its own log.
const nodeOrigin = "example.org/_node/0123456789abcdef"
