package pack_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

func TestFileSystems(t *testing.T) {
	osFS := func(opt pack.OSOptions) func(t *testing.T) pack.FS {
		return func(t *testing.T) pack.FS {
			fs, err := pack.OS(t.TempDir(), opt)
			if err != nil {
				t.Fatal(err)
			}
			return fs
		}
	}
	t.Run("direct", func(t *testing.T) { storetest.TestFS(t, osFS(pack.OSOptions{})) })
	t.Run("buffered", func(t *testing.T) { storetest.TestFS(t, osFS(pack.OSOptions{Buffered: true})) })
	t.Run("crash", func(t *testing.T) {
		storetest.TestFS(t, func(*testing.T) pack.FS { return storetest.NewCrashFS(1) })
	})
}

// Any mix of sizes, types and compressions in any batches comes back: by
// location, by scan from any state between, and after sealing.
func TestRoundTrip(t *testing.T) {
	direct, err := pack.OS(t.TempDir(), pack.OSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	length := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 300), rapid.IntRange(0, 20000), rapid.IntRange(60000, 70000))
	rapid.Check(t, func(rt *rapid.T) {
		fs := direct
		if rapid.Bool().Draw(rt, "memory") {
			fs = storetest.NewCrashFS(1)
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		w, b := newSegment(rt, fs, rapid.Int64Range(pack.Align, 1<<20).Draw(rt, "size")), pack.NewBatch(0)
		defer func() {
			if err := fs.Remove(pack.Name(1)); err != nil {
				rt.Error(err)
			}
		}()
		var locations []pack.Location
		var plains [][]byte
		states, before := []pack.State{w.State()}, []int{0}
		for n := range rapid.IntRange(0, 4).Draw(rt, "batches") {
			b.Reset()
			plains = append(plains, add(rt, b, rng, rapid.SliceOfN(length, 1, 120).Draw(rt, "lengths")...)...)
			locations = append(locations, appendBatch(rt, w, b, n)...)
			states, before = append(states, w.State()), append(before, len(plains))
		}
		wantRecords(rt, fs, locations, plains)
		for i, s := range states {
			got := scan(rt, fs, s)
			if got.State != w.State() || len(got.Damage) > 0 || got.Sealed != nil ||
				len(got.locations) != len(locations)-before[i] {
				rt.Fatalf("from %+v: %+v, want the end %+v", s, got.Result, w.State())
			}
		}
		sealed, err := w.Seal()
		if err != nil {
			rt.Fatal(err)
		}
		got := check(rt, fs)
		if !reflect.DeepEqual(got.Sealed, &sealed) || len(got.Damage) > 0 || got.State != w.State() ||
			len(plains) > 0 && (!reflect.DeepEqual(got.locations, locations) || !reflect.DeepEqual(got.plains, plains)) {
			rt.Fatalf("sealed as %+v, found %+v", sealed, got.Result)
		}
		if verified, err := pack.VerifySealed(fs, 1, storeID); err != nil || verified != sealed {
			rt.Fatalf("verified as %+v, %v", verified, err)
		}
	})
}

func TestFramesSayWhenAndWhat(t *testing.T) {
	fs, _, locations, _ := sample(t, 1)
	var at, slot, frames int
	err := pack.Contents(fs, 1, storeID, func(f *pack.Frame) error {
		if f.Ordinal != uint32(frames) || !f.Time.Equal(stamp(min(at, 2))) || f.Payload(0) != nil {
			t.Errorf("frame %d: ordinal %d of %v", frames, f.Ordinal, f.Time)
		}
		for _, r := range f.Records {
			if r.Location != locations[slot] || r.Digest == (dag.Digest{}) {
				t.Errorf("slot %d stands at %+v, want %+v", slot, r.Location, locations[slot])
			}
			slot++
		}
		if frames != 1 { // the second append has two frames
			at++
		}
		frames++
		return nil
	})
	if err != nil || frames != 4 || slot != len(locations) {
		t.Errorf("%d frames with %d records, %v", frames, slot, err)
	}
}

func TestBatch(t *testing.T) {
	b := pack.NewBatch(0)
	if _, ok := b.Add(pack.Record{Payload: make([]byte, pack.MaxStored+1)}); ok || b.Len() != 0 || b.Bytes() != 0 {
		t.Error("a record over the limit was taken")
	}
	largest := make([]byte, pack.MaxStored)
	largest[17] = 3
	if i, ok := b.Add(pack.Record{Type: pack.Node, KeyID: 9, Plain: 5, Payload: largest}); !ok || i != 0 {
		t.Fatal("an empty batch did not take the largest record")
	}
	if _, ok := b.Add(record([]byte("x"), pack.Chunk, pack.None)); ok {
		t.Error("a full batch took a record")
	}
	want := pack.Record{Type: pack.Node, KeyID: 9, Plain: 5, Payload: largest}
	if got := b.Record(0); !reflect.DeepEqual(got, want) || b.Bytes() != pack.MinBatch {
		t.Errorf("the record came back changed, or the batch takes %d bytes", b.Bytes())
	}
	b.Reset()
	if _, ok := b.Add(record([]byte("x"), pack.Chunk, pack.None)); !ok || b.Bytes() != 2*pack.Align || string(b.Payload(0)) != "x" {
		t.Error("a reset batch is not as a fresh one")
	}
}

func TestNames(t *testing.T) {
	for _, id := range []uint64{0, 1, 0xabc, 1<<64 - 1} {
		if got, ok := pack.ParseName(pack.Name(id)); !ok || got != id {
			t.Errorf("%d is named %q, which is %d, %v", id, pack.Name(id), got, ok)
		}
	}
	for _, name := range []string{"", "1.pack", "0000000000000001", "000000000000000G.pack", "000000000000000A.pack", "+000000000000001.pack", "0000000000000001.pack.pack"} {
		if id, ok := pack.ParseName(name); ok {
			t.Errorf("%q is taken for segment %d", name, id)
		}
	}
}
