package dagcbor_test

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/dagcbor"
)

// wantRoundTrip fails t unless a decoder that knows nothing of the profile
// reads data, and its canonical encoder gives the same bytes back.
func wantRoundTrip(t interface {
	Helper()
	Fatalf(string, ...any)
}, data []byte) {
	t.Helper()
	dec, err := cbor.DecOptions{MaxNestedLevels: 64, MaxArrayElements: 1 << 21, MaxMapPairs: 1 << 21}.DecMode()
	if err != nil {
		t.Fatalf("%v", err)
	}
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatalf("%v", err)
	}
	var v any
	if err := dec.Unmarshal(data, &v); err != nil {
		t.Fatalf("accepted %x, which does not decode: %v", data, err)
	}
	again, err := enc.Marshal(v)
	if err != nil {
		t.Fatalf("accepted %x, which does not encode: %v", data, err)
	}
	if !bytes.Equal(again, data) {
		t.Fatalf("accepted %x, which is canonically %x", data, again)
	}
}

// values generates what the codec gives for an item of the profile: nested up
// to depth levels.
func values(depth int) *rapid.Generator[any] {
	text := rapid.Map(rapid.String(), norm.NFC.String)
	scalars := []*rapid.Generator[any]{
		rapid.Map(rapid.Bool(), toAny),
		rapid.Map(rapid.Uint64Max(1<<63-1), toAny),
		rapid.Map(rapid.Int64Max(-1), toAny),
		rapid.Map(rapid.SliceOf(rapid.Byte()), toAny),
		rapid.Map(text, toAny),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 33, 33), toLink),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	width := 8 // what is wide is flat, or the whole would outgrow the limit
	if depth == 1 {
		width = 30
	}
	inner := rapid.Deferred(func() *rapid.Generator[any] { return values(depth - 1) })
	return rapid.OneOf(append(scalars,
		rapid.Map(rapid.SliceOfN(inner, 0, width), toAny),
		rapid.Map(rapid.MapOfN(text, inner, 0, width), func(m map[string]any) any {
			out := make(map[any]any, len(m))
			for k, v := range m {
				out[k] = v
			}
			return out
		}))...)
}

func toAny[V any](v V) any { return v }

// toLink makes a link of 32 bytes of hash and one that chooses the codec.
func toLink(b []byte) any {
	codec := byte(0x55)
	if b[32]&1 == 1 {
		codec = 0x71
	}
	return cbor.Tag{Number: 42, Content: slices.Concat([]byte{0, 1, codec, 0x1e, 32}, b[:32])}
}

func TestWhateverIsMadeOfTheProfileIsAccepted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := values(4).Draw(t, "value")
		data, err := dagcbor.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := dagcbor.Validate(data, nil); err != nil {
			t.Fatal(err)
		}
		wantRoundTrip(t, data)
		var got any
		if err := dagcbor.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestWhateverIsMutatedAndAcceptedRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, err := dagcbor.Marshal(values(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		b := rapid.Byte().Draw(t, "byte")
		for _, mutant := range [][]byte{
			slices.Concat(data[:at], []byte{b}, data[at+1:]),
			slices.Concat(data[:at], []byte{b}, data[at:]),
			slices.Concat(data[:at], data[at+1:]),
			slices.Concat(data[:at], []byte{data[at] ^ 1<<(b&7)}, data[at+1:]),
		} {
			if dagcbor.Validate(mutant, nil) == nil {
				wantRoundTrip(t, mutant)
			}
		}
	})
}

func FuzzValidate(f *testing.F) {
	addVectors(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		links := 0
		err := dagcbor.Validate(data, func(cid []byte) error {
			links++
			if len(cid) != 36 {
				t.Errorf("a CID of %d bytes", len(cid))
			}
			return nil
		})
		if err != nil {
			return
		}
		wantRoundTrip(t, data)
		if links > len(data)/41 {
			t.Errorf("%d links in %d bytes", links, len(data))
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	addVectors(f)
	full, err := dagcbor.Marshal(record{
		Version: 1, Name: "a", Offset: 5, Sum: []byte{1}, ID: [4]byte{1}, Done: true,
		Parts: []part{{Name: "x", Size: 300}}, Notes: map[string]string{"k": "v"},
		Next: &record{Version: 2}, Ext: cbor.RawMessage{0xa1, 0x61, 'x', 0x01},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Fuzz(func(t *testing.T, data []byte) {
		var r record
		if dagcbor.Unmarshal(data, &r) != nil {
			return
		}
		again, err := dagcbor.Marshal(r)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("accepted %x, which encodes as %x: %v", data, again, err)
		}
	})
}

func addVectors(f *testing.F) {
	v := readVectors(f)
	for _, c := range v.Accept {
		f.Add(unhex(f, c.Hex))
	}
	for _, c := range v.Refuse {
		f.Add(unhex(f, c.Hex))
	}
}

// indexBlock is a block of 1024 parts, about what 64 MiB of content adds.
func indexBlock(b *testing.B) []byte {
	parts := make([][]any, 1024)
	for i := range parts {
		hash := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 17)[:33]
		parts[i] = []any{toLink(hash), 65536 + i}
	}
	data, err := dagcbor.Marshal(map[string]any{"v": 1, "size": 1024 * 65536, "parts": parts})
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func BenchmarkValidate(b *testing.B) {
	data := indexBlock(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := dagcbor.Validate(data, nil); err != nil {
			b.Fatal(err)
		}
	}
}
