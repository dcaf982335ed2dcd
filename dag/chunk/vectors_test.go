package chunk

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/tegwick/artifact-store/dag/dagtest"
)

// vectors is the golden file chunk.json. Its numbers were computed by another
// implementation in another language; 64-bit values are in hex.
type vectors struct {
	Gear struct {
		Seed        string
		Order       [maskOrder]uint8
		First, Last string
		BLAKE3      string // of the 256 values as little-endian uint64
	}
	Profiles []struct {
		ID               string
		Min, Normal, Max int
		Strict, Loose    string
	}
	Cases []struct {
		Name string
		// Input is the first Length bytes of the BLAKE3 output of Seed, Repeat times.
		Input struct {
			Seed           string
			Length, Repeat int
		}
		Cuts map[string][]int // the chunk lengths by profile
	}
}

func load(t *testing.T) vectors {
	t.Helper()
	var v vectors
	d := json.NewDecoder(bytes.NewReader(dagtest.Vectors("chunk.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestConstantsAreFrozen(t *testing.T) {
	v := load(t)
	if seed != v.Gear.Seed || table.order != v.Gear.Order {
		t.Errorf("seed %q, mask order %v; want %q, %v", seed, table.order, v.Gear.Seed, v.Gear.Order)
	}
	var values []byte
	for _, g := range table.value {
		values = binary.LittleEndian.AppendUint64(values, g)
	}
	sum := blake3.Sum256(values)
	if hex.EncodeToString(sum[:]) != v.Gear.BLAKE3 {
		t.Errorf("the gear values hash to %x, want %s", sum, v.Gear.BLAKE3)
	}
	if first, last := hex64(table.value[0]), hex64(table.value[255]); first != v.Gear.First || last != v.Gear.Last {
		t.Errorf("the first and last gear values are %s and %s, want %s and %s", first, last, v.Gear.First, v.Gear.Last)
	}
	if len(v.Profiles) != len(profiles) {
		t.Fatalf("%d profiles, want %d", len(profiles), len(v.Profiles))
	}
	for _, want := range v.Profiles {
		p, err := Lookup(want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if p.min != want.Min || p.normal != want.Normal || p.max != want.Max ||
			hex64(p.strict) != want.Strict || hex64(p.loose) != want.Loose {
			t.Errorf("profile is %+v, want %+v", p, want)
		}
	}
}

// The low 16 bits of a gear value come from its nibbles alone, the first ten
// mask bits lie within them, and no mask has bit 63: what a vector unit and the
// two-byte step rely on.
func TestGearIsVectorisable(t *testing.T) {
	low := func(b int) uint16 { return uint16(table.value[b]) }
	for b := range 256 {
		if want := low(b&15) ^ low(b&0xf0) ^ low(0); low(b) != want {
			t.Errorf("gear %#02x has low bits %#04x, its nibbles give %#04x", b, low(b), want)
		}
		if table.double[b] != 2*table.value[b] {
			t.Errorf("gear %#02x is not doubled", b)
		}
	}
	if got := table.mask(10); got != 0xffc0 {
		t.Errorf("the first ten mask bits are %#x, want bits 6 to 15", got)
	}
	if all := table.mask(maskOrder); all>>63 != 0 {
		t.Errorf("mask %#x has bit 63", all)
	}
}

func TestCutsAreFrozen(t *testing.T) {
	for _, c := range load(t).Cases {
		for _, p := range profiles {
			t.Run(fmt.Sprintf("%s/%s", c.Name, p.id), func(t *testing.T) {
				want, ok := c.Cuts[p.id]
				if !ok {
					t.Fatal("the vectors do not have this profile")
				}
				got := []int{}
				eachChunk(p, bytes.Repeat(random(c.Input.Seed, c.Input.Length), c.Input.Repeat),
					func(chunk []byte) { got = append(got, len(chunk)) })
				if !slices.Equal(got, want) {
					t.Errorf("chunk lengths %v, want %v", got, want)
				}
			})
		}
	}
}

func hex64(v uint64) string { return fmt.Sprintf("%016x", v) }
