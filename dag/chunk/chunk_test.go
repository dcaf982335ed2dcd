package chunk

import (
	"slices"
	"testing"

	"github.com/zeebo/blake3"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/fault"
)

// cutSlowly is the definition in the package comment, word for word: every
// position is hashed anew from the 64 bytes before it.
func cutSlowly(p Profile, data []byte) int {
	for n := p.min; n < p.max && n < len(data); n++ {
		var h uint64
		for _, b := range data[n-window : n] {
			h = h<<1 + table.value[b]
		}
		if n < p.normal && h&p.strict == 0 || n >= p.normal && h&p.loose == 0 {
			return n
		}
	}
	return min(p.max, len(data))
}

// small profiles have cuts of every kind in a few kilobytes, and borders of
// both parities.
var small = []Profile{
	newProfile("even", 64, 7, 1024),
	newProfile("odd minimum", 65, 7, 1024),
	newProfile("odd maximum", 64, 8, 1023),
	newProfile("drawn mask bits", 100, 10, 2047),
}

func TestCutIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(small).Draw(t, "profile")
		data := drawContent(t)
		for rest := data; len(rest) > 0; {
			want, got := cutSlowly(p, rest), p.Cut(rest)
			if got != want {
				t.Fatalf("profile %s: cut after %d of %d bytes, want %d", p.id, got, len(rest), want)
			}
			rest = rest[got:]
		}
	})
}

func FuzzCut(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 3000))
	f.Add(random("fuzz", 5000))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, p := range small {
			if got, want := p.Cut(data), cutSlowly(p, data); got != want {
				t.Errorf("profile %s: cut after %d of %d bytes, want %d", p.id, got, len(data), want)
			}
		}
	})
}

// A caller that reads ahead by Max bytes cuts as one that holds everything,
// and a chunk that stands alone is one chunk.
func TestCutIgnoresWhatFollows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(small).Draw(t, "profile")
		data := drawContent(t)
		n := p.Cut(data)
		end := rapid.IntRange(n, len(data)).Draw(t, "end")
		if got := p.Cut(data[:end]); got != n {
			t.Fatalf("cut after %d of %d bytes, but after %d of the first %d", n, len(data), got, end)
		}
	})
}

// After an edit, cuts fall where they fell before it.
func TestCutsFindThemselvesAgain(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.id, func(t *testing.T) {
			old := random("content", 8<<20)
			edited := slices.Concat(old[:1<<20], []byte("an insertion"), old[1<<20:])
			known := map[string]bool{}
			eachChunk(p, old, func(c []byte) { known[string(c)] = true })
			fresh := 0
			eachChunk(p, edited, func(c []byte) {
				if !known[string(c)] {
					fresh += len(c)
				}
			})
			if fresh == 0 || fresh > 4*p.max {
				t.Errorf("an insertion of 12 bytes makes %d bytes new, want some and at most %d", fresh, 4*p.max)
			}
		})
	}
}

func TestChunksKeepTheirBounds(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.id, func(t *testing.T) {
			data := random("bounds", 16<<20)
			count, total := 0, 0
			eachChunk(p, data, func(c []byte) {
				count++
				total += len(c)
				if len(c) > p.Max() || len(c) < p.Min() && total < len(data) {
					t.Errorf("chunk %d has %d bytes, outside %d to %d", count, len(c), p.Min(), p.Max())
				}
			})
			// Normalised chunking centres sizes a little above the normal size,
			// by the part of the minimum that is skipped.
			if mean := total / count; mean < p.normal || mean > p.normal+p.min+p.min/2 {
				t.Errorf("the mean chunk has %d bytes, want %d to %d", mean, p.normal, p.normal+p.min+p.min/2)
			}
		})
	}
}

func TestRunsOfOneByteMakeMaximalChunks(t *testing.T) {
	for _, p := range profiles {
		data := make([]byte, p.Max()+1)
		for b := range 256 {
			for i := range data {
				data[i] = byte(b)
			}
			if got := p.Cut(data); got != p.Max() {
				t.Errorf("profile %s: a run of %#02x is cut after %d bytes, want %d", p.id, b, got, p.Max())
			}
		}
	}
}

func TestLookup(t *testing.T) {
	for _, id := range []string{Default, Fine} {
		if p, err := Lookup(id); err != nil || p.ID() != id {
			t.Errorf("Lookup(%q) = %q, %v", id, p.ID(), err)
		}
	}
	for _, id := range []string{"", "Default", "coarse"} {
		_, err := Lookup(id)
		if !fault.Is(err, fault.Invalid) || fault.HintOf(err) == "" {
			t.Errorf("Lookup(%q) = %v, want an invalid-kind error with a hint", id, err)
		}
	}
}

// drawContent draws content with and without repetitions.
func drawContent(t *rapid.T) []byte {
	// One value, two far apart, sixteen and all that there are.
	keep := rapid.SampledFrom([]byte{0, 0x10, 0x0f, 0xff}).Draw(t, "kept bits")
	data := random(rapid.StringN(0, 8, -1).Draw(t, "seed"), rapid.IntRange(0, 6000).Draw(t, "length"))
	for i := range data {
		data[i] &= keep
	}
	return data
}

func eachChunk(p Profile, data []byte, fn func(chunk []byte)) {
	for len(data) > 0 {
		n := p.Cut(data)
		fn(data[:n])
		data = data[n:]
	}
}

// random returns the first n bytes of the BLAKE3 output of seed.
func random(seed string, n int) []byte {
	h := blake3.New()
	_, _ = h.WriteString(seed)
	data := make([]byte, n)
	fill(h.Digest(), data)
	return data
}
