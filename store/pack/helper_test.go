package pack_test

import (
	"bytes"
	"math/rand/v2"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

var storeID = pack.StoreID{1, 2, 3, 15: 16}

// tb is what a test, a benchmark, a fuzzer and a property have in common.
type tb interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// stamp is when the n-th append of a test happens.
func stamp(n int) time.Time { return time.UnixMilli(1_700_000_000_000 + int64(n)) }

// plainBytes returns n bytes that compress when odd is set.
func plainBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	mask := byte(255)
	if rng.IntN(2) == 0 {
		mask = 3
	}
	for i := range b {
		b[i] = byte(rng.Uint32()) & mask
	}
	return b
}

// record stores plain by c.
func record(plain []byte, t pack.RecordType, c pack.Compression) pack.Record {
	stored, c := pack.Encode(plain, c, nil)
	return pack.Record{Type: t, Compression: c, Plain: uint32(len(plain)), Digest: dag.Sum(plain), Payload: stored}
}

// add fills b with records of these lengths and returns their plain bytes.
func add(t tb, b *pack.Batch, rng *rand.Rand, lengths ...int) [][]byte {
	t.Helper()
	var plains [][]byte
	for i, n := range lengths {
		plain := plainBytes(rng, n)
		index, ok := b.Add(record(plain, pack.RecordType(1+i%3), pack.Compression(rng.IntN(3))))
		if !ok || index != b.Len()-1 {
			t.Fatalf("record %d of %d bytes: index %d, %v", i, n, index, ok)
		}
		plains = append(plains, plain)
	}
	return plains
}

func newSegment(t tb, fs pack.FS, size int64) *pack.Writer {
	t.Helper()
	w, err := pack.Create(fs, 1, storeID, size)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func appendBatch(t tb, w *pack.Writer, b *pack.Batch, n int) []pack.Location {
	t.Helper()
	locations, err := w.Append(b, stamp(n))
	if err != nil {
		t.Fatal(err)
	}
	return locations
}

// wantRecords reads each location back as its plain bytes.
func wantRecords(t tb, fs pack.FS, locations []pack.Location, plains [][]byte) {
	t.Helper()
	r, err := pack.OpenReader(fs, 1, storeID)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(locations) != len(plains) {
		t.Fatalf("%d locations for %d records", len(locations), len(plains))
	}
	var buf []byte
	for i, loc := range locations {
		if buf, err = r.ReadAt(loc, buf); err != nil {
			t.Fatal(err)
		}
		plain, err := pack.Decode(buf, loc.Compression, loc.Plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(plain, plains[i]) {
			t.Fatalf("record %d at %+v is not what was written", i, loc)
		}
	}
}

// scanned is what a scan found.
type scanned struct {
	pack.Result
	locations []pack.Location
	plains    [][]byte
	failed    int // records with an error
}

// collect is the callback that gathers what a scan hands out, and checks each
// record that is said to be good by its digest.
func (s *scanned) collect(t tb) func(f *pack.Frame) error {
	return func(f *pack.Frame) error {
		for i, rec := range f.Records {
			if rec.Err != nil {
				s.failed++
				continue
			}
			plain, err := pack.Decode(f.Payload(i), rec.Compression, rec.Plain, nil)
			if err != nil || dag.Sum(plain) != rec.Digest {
				t.Errorf("slot %d: %v, or not its digest", rec.Slot, err)
			}
			s.locations = append(s.locations, rec.Location)
			s.plains = append(s.plains, append([]byte{}, plain...))
		}
		return nil
	}
}

func scan(t tb, fs pack.FS, from pack.State) (s scanned) {
	t.Helper()
	var err error
	if s.Result, err = pack.Scan(fs, 1, storeID, from, s.collect(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

func check(t tb, fs pack.FS) (s scanned) {
	t.Helper()
	var err error
	if s.Result, err = pack.Check(fs, 1, storeID, s.collect(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantClean fails where a segment has any damage.
func wantClean(t tb, fs pack.FS) {
	t.Helper()
	for _, d := range check(t, fs).Damage {
		t.Error(d.Err())
	}
}

// sample makes a segment of a few appends in a fresh file system.
func sample(t tb, seed uint64) (fs *storetest.CrashFS, w *pack.Writer, locations []pack.Location, plains [][]byte) {
	t.Helper()
	fs, rng, b := storetest.NewCrashFS(seed), rand.New(rand.NewPCG(seed, 1)), pack.NewBatch(0)
	w = newSegment(t, fs, 1<<20)
	for n := range 3 {
		b.Reset()
		lengths := []int{100, 0, 5000, 70000, 1}
		if n == 1 {
			lengths = make([]int, pack.MaxFrameRecords+3) // two frames
			for i := range lengths {
				lengths[i] = 40 + i
			}
		}
		plains = append(plains, add(t, b, rng, lengths...)...)
		locations = append(locations, appendBatch(t, w, b, n)...)
	}
	return fs, w, locations, plains
}
