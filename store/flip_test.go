package store_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// specimen is a closed store in a directory, to be damaged.
type specimen struct {
	packs, index string
	blocks       []dag.Block
	artifacts    int
	rows         []store.Pair
}

// newSpecimen makes a store of sealed segments and one that was growing.
func newSpecimen(t *testing.T) specimen {
	t.Helper()
	sp := specimen{packs: t.TempDir(), index: t.TempDir()}
	db, err := badger.Open(sp.index, badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := sp.open(t, db, false)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for seed := range uint64(6) {
		a, err := put(ctx, s, "acme/a", "latest", seed, 9, 77_777)
		if err != nil {
			t.Fatal(err)
		}
		sp.blocks = append(sp.blocks, a.chunks...)
		sp.artifacts++
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if sp.rows, err = storetest.Dump(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return sp
}

func (sp specimen) open(t *testing.T, m store.Metadata, rebuild bool) *store.Store {
	t.Helper()
	s, err := sp.tryOpen(t, m, rebuild)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (sp specimen) tryOpen(t *testing.T, m store.Metadata, rebuild bool) (*store.Store, error) {
	t.Helper()
	fs, err := pack.OS(sp.packs, pack.OSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return store.Open(t.Context(), store.Options{
		ID: pack.StoreID{5}, Packs: fs, Meta: m, Now: time.Now, Site: "example.org", NodeOrigin: nodeOrigin, Checkpoints: testSigner,
		SegmentSize: 1 << 20, Rebuild: rebuild,
	})
}

// memory returns the index as it was, in memory: damage to one segment is not
// to show in the next.
func (sp specimen) memory(t *testing.T) store.Metadata {
	t.Helper()
	m := storetest.NewMemory()
	if err := m.Commit(t.Context(), store.Batch{Put: sp.rows}); err != nil {
		t.Fatal(err)
	}
	return m
}

// read reads all blocks: each is right or [fault.Corrupt]. It returns those
// that are not right.
func (sp specimen) read(t *testing.T, s *store.Store, what string) (bad []dag.Digest) {
	t.Helper()
	for _, want := range sp.blocks {
		got, err := s.Get(t.Context(), want.CID)
		switch {
		case err == nil && !bytes.Equal(got.Data, want.Data):
			t.Errorf("%s: wrong bytes are served", what)
		case err != nil && !fault.Is(err, fault.Corrupt):
			t.Errorf("%s: reading a block: %v", what, err)
		case err != nil:
			bad = append(bad, want.CID.Digest)
		}
	}
	return bad
}

// place is a byte of a segment file.
type flipAt struct {
	structure string
	offset    int64
	block     dag.Digest // zero where it is not a block's
}

// flips returns bytes of each structure of a segment file.
func flips(t *testing.T, fs pack.FS, id uint64, rng *rand.Rand) (all []flipAt) {
	t.Helper()
	in := func(structure string, from, to int64) {
		for _, off := range []int64{from, from + rng.Int64N(to-from), to - 1} {
			all = append(all, flipAt{structure: structure, offset: off})
		}
	}
	in("header", 0, pack.Align)
	var end int64
	frame := func(f *pack.Frame) error {
		in("frame head", f.Offset, f.Offset+64)
		in("contents", f.Offset+64, f.Offset+64+int64(len(f.Records))*48)
		in("rest of the frame head", f.Offset+64, f.Offset+pack.Align)
		for _, r := range f.Records {
			end = int64(r.Offset) + int64(r.Stored)
			d := r.Digest
			if r.Type == pack.Event {
				d = dag.Digest{}
			}
			for _, off := range []int64{int64(r.Offset), int64(r.Offset) + rng.Int64N(int64(r.Stored)), end - 1} {
				all = append(all, flipAt{"payload", off, d})
			}
		}
		if end%pack.Align != 0 {
			in("padding", end, (end+pack.Align-1)/pack.Align*pack.Align)
		}
		return nil
	}
	if err := pack.Contents(fs, id, pack.StoreID{5}, frame); err != nil {
		t.Fatal(err)
	}
	sealed, err := pack.VerifySealed(fs, id, pack.StoreID{5})
	if fault.Is(err, fault.Corrupt) {
		return all // it was not sealed
	}
	if err != nil {
		t.Fatal(err)
	}
	table := sealed.Length + int64(sealed.Slots)*56
	in("table", sealed.Length, table)
	in("filter", table, table+64)
	in("padding of the footer", table+64, sealed.Size-pack.Align)
	in("trailer", sealed.Size-pack.Align, sealed.Size-pack.Align+128)
	in("rest of the trailer", sealed.Size-pack.Align, sealed.Size)
	return all
}

// TestEachFlippedBitOfASegmentIsFoundAndNamed flips bits in each structure of
// each segment file.
func TestEachFlippedBitOfASegmentIsFoundAndNamed(t *testing.T) {
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, 0))
	sp := newSpecimen(t)
	fs, err := pack.OS(sp.packs, pack.OSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.List()
	if err != nil || len(names) < 3 {
		t.Fatalf("%d segments, %v", len(names), err)
	}
	met := make(map[string]int)
	for _, name := range names {
		id, _ := pack.ParseName(name)
		for _, f := range flips(t, fs, id, rng) {
			met[f.structure]++
			sp.flipSegment(t, name, f, byte(1)<<rng.IntN(8))
		}
	}
	for _, structure := range []string{"header", "frame head", "contents", "payload", "padding", "table", "filter", "trailer"} {
		if met[structure] == 0 {
			t.Errorf("no %s was damaged", structure)
		}
	}
	s := sp.open(t, sp.memory(t), false)
	defer s.Close()
	if report, err := s.Fsck(t.Context(), nil); err != nil {
		t.Errorf("the flips were not taken back: %v: %+v", err, report.Problems)
	}
}

func (sp specimen) flipSegment(t *testing.T, name string, f flipAt, mask byte) {
	t.Helper()
	what := name + " " + f.structure
	path := filepath.Join(sp.packs, name)
	flipByte(t, path, f.offset, mask)
	defer flipByte(t, path, f.offset, mask)
	s := sp.open(t, sp.memory(t), false)
	defer s.Close()
	report, err := s.Fsck(t.Context(), nil)
	if !fault.Is(err, fault.Corrupt) {
		t.Errorf("%s at %d, bit %#x: fsck: %v", what, f.offset, mask, err)
		return
	}
	named := func(p store.Problem) bool { return p.File == name }
	if !slices.ContainsFunc(report.Problems, named) {
		t.Errorf("%s at %d: the file is not named: %+v", what, f.offset, report.Problems)
	}
	bad := sp.read(t, s, what)
	if f.block == (dag.Digest{}) {
		return
	}
	if !slices.Equal(bad, []dag.Digest{f.block}) {
		t.Errorf("%s at %d: blocks %v cannot be read, and %v is damaged", what, f.offset, bad, f.block)
	}
	owned := func(p store.Problem) bool {
		return p.File == name && p.Block == f.block.String() && len(p.Owners) > 0 && strings.HasPrefix(p.Owners[0], "acme/a@blake3:")
	}
	at := slices.IndexFunc(report.Problems, owned)
	if at < 0 {
		t.Errorf("%s at %d: block %v and its owner are not named: %+v", what, f.offset, f.block, report.Problems)
		return
	}
	for _, b := range sp.blocks {
		if b.CID.Digest == f.block && b.CID.Codec == dag.Raw && !strings.Contains(report.Problems[at].Owners[0], " file-") {
			t.Errorf("%s: the path is not named: %v", what, report.Problems[at].Owners)
		}
	}
}

func flipByte(t *testing.T, path string, off int64, mask byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err = f.ReadAt(b[:], off); err == nil {
		b[0] ^= mask
		_, err = f.WriteAt(b[:], off)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAFlippedBitOfTheIndexServesNothingWrong flips bits in each file of the
// index. It is refused, or found, or of no account; and the index can be built
// anew from the packs.
func TestAFlippedBitOfTheIndexServesNothingWrong(t *testing.T) {
	const perFile = 12
	rng := rand.New(rand.NewPCG(12, 0))
	sp := newSpecimen(t)
	entries, err := os.ReadDir(sp.index)
	if err != nil {
		t.Fatal(err)
	}
	ends := make(map[string]int)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Size() == 0 {
			continue
		}
		for range perFile {
			ends[sp.flipIndex(t, e.Name(), rng.Int64N(info.Size()), byte(1)<<rng.IntN(8))]++
		}
	}
	t.Logf("flips by what came of them: %v", ends)
	if ends["refused"] == 0 {
		t.Error("no flip was met")
	}
	s := sp.open(t, storetest.NewMemory(), true)
	defer s.Close()
	if report, err := s.Fsck(t.Context(), nil); err != nil || report.Artifacts != int64(sp.artifacts) {
		t.Errorf("built anew: %v: %+v", err, report)
	}
	if bad := sp.read(t, s, "built anew"); bad != nil {
		t.Errorf("%d blocks are lost", len(bad))
	}
}

// flipIndex flips a bit in a copy of the index and says what came of it.
func (sp specimen) flipIndex(t *testing.T, name string, off int64, mask byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(sp.index)); err != nil {
		t.Fatal(err)
	}
	flipByte(t, filepath.Join(dir, name), off, mask)
	db, err := badger.Open(dir, badger.Options{})
	if err != nil {
		if !fault.Is(err, fault.Corrupt) && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s at %d, bit %#x: open: %v", name, off, mask, err)
		}
		return "refused"
	}
	s, err := sp.tryOpen(t, db, false)
	if err != nil {
		if !fault.Is(err, fault.Corrupt) {
			t.Errorf("%s at %d, bit %#x: open store: %v", name, off, mask, err)
		}
		return "refused"
	}
	defer s.Close()
	bad := sp.read(t, s, name)
	_, err = s.Fsck(t.Context(), nil)
	if err != nil {
		return "found"
	}
	listed := 0
	if err := s.Artifacts(t.Context(), "", func(store.Artifact) error { listed++; return nil }); err != nil || listed != sp.artifacts || bad != nil {
		t.Errorf("%s at %d, bit %#x: fsck is content; %d artifacts, %d bad blocks, %v", name, off, mask, listed, len(bad), err)
	}
	return "of no account"
}
