package pack_test

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

func TestCompressionRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		unit := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "unit")
		plain := bytes.Repeat(unit, rapid.IntRange(0, 300).Draw(rt, "times"))
		dst := make([]byte, 0, rapid.IntRange(0, 100000).Draw(rt, "memory"))
		for _, c := range []pack.Compression{pack.None, pack.S2, pack.Zstd, 77} {
			stored, used := pack.Encode(plain, c, dst)
			if len(stored) > len(plain) || used != pack.None && (used != c || len(stored) == len(plain)) {
				rt.Fatalf("%d bytes by %d became %d by %d", len(plain), c, len(stored), used)
			}
			got, err := pack.Decode(stored, used, uint32(len(plain)), make([]byte, rapid.IntRange(0, 1000).Draw(rt, "into")))
			if err != nil || !bytes.Equal(got, plain) {
				rt.Fatalf("%d bytes by %d do not come back: %v", len(plain), used, err)
			}
			_, err = pack.Decode(stored, used, uint32(len(plain)+1), nil)
			if !fault.Is(err, fault.Corrupt) {
				rt.Fatalf("a wrong length gives %v", err)
			}
		}
	})
}

func TestLargestBlockCompresses(t *testing.T) {
	plain := make([]byte, dag.MaxRaw)
	for _, c := range []pack.Compression{pack.S2, pack.Zstd} {
		stored, used := pack.Encode(plain, c, nil)
		got, err := pack.Decode(stored, used, dag.MaxRaw, nil)
		if used != c || err != nil || !bytes.Equal(got, plain) {
			t.Errorf("compression %d became %d: %v", c, used, err)
		}
	}
}

// What claims to be larger than it says, or than any block, is refused
// without making room for it.
func TestDecompressionBombs(t *testing.T) {
	huge := make([]byte, 64<<20)
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bombs := map[pack.Compression][]byte{pack.S2: s2.Encode(nil, huge), pack.Zstd: enc.EncodeAll(huge, nil)}
	for c, bomb := range bombs {
		for _, plain := range []uint32{0, 10, dag.MaxRaw, dag.MaxRaw + 1, 64 << 20, 1<<32 - 1} {
			_, err := pack.Decode(bomb, c, plain, nil)
			wantKind(t, "a bomb", err, fault.Corrupt)
		}
	}
	_, err = pack.Decode([]byte("x"), 9, 1, nil)
	wantKind(t, "an unknown compression", err, fault.Invalid)
}

func FuzzDecode(f *testing.F) {
	plain := bytes.Repeat([]byte("artifact "), 100)
	for _, c := range []pack.Compression{pack.None, pack.S2, pack.Zstd} {
		stored, used := pack.Encode(plain, c, nil)
		f.Add(stored, byte(used), uint32(len(plain)))
	}
	f.Fuzz(func(t *testing.T, stored []byte, c byte, plain uint32) {
		got, err := pack.Decode(stored, pack.Compression(c), plain, nil)
		switch {
		case err == nil && (len(got) != int(plain) || plain > dag.MaxRaw):
			t.Errorf("%d bytes instead of %d", len(got), plain)
		case err != nil && !fault.Is(err, fault.Corrupt) && !fault.Is(err, fault.Invalid):
			t.Errorf("an error of kind %v: %v", fault.KindOf(err), err)
		}
	})
}
