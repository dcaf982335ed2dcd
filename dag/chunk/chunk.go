package chunk

import (
	"github.com/tegwick/artifact-store/dag/fault"
)

// The identifiers of the profiles, as a blob records them.
const (
	Default = "default" // 16, 64 and 256 KiB
	Fine    = "fine"    // 8, 32 and 128 KiB, for source trees
)

// normalisation is FastCDC's level: how many bits the strict mask has more,
// and the loose mask has fewer, than the normal size asks for.
const normalisation = 2

// Profile is a frozen set of parameters. It is made by [Lookup].
type Profile struct {
	id               string
	min, normal, max int    // chunk sizes in bytes
	strict, loose    uint64 // the masks before and after the normal size
}

var profiles = [...]Profile{
	newProfile(Default, 16<<10, 16, 256<<10),
	newProfile(Fine, 8<<10, 15, 128<<10),
}

// newProfile returns a profile with the normal size 2^bits. It takes
// window <= min < 2^bits < max, and bits from 2 to 16.
func newProfile(id string, min, bits, max int) Profile {
	return Profile{
		id: id, min: min, normal: 1 << bits, max: max,
		strict: table.mask(bits + normalisation),
		loose:  table.mask(bits - normalisation),
	}
}

// Lookup returns the profile of an identifier; an unknown one is
// [fault.Invalid].
func Lookup(id string) (Profile, error) {
	for _, p := range profiles {
		if p.id == id {
			return p, nil
		}
	}
	return Profile{}, fault.Hint(
		fault.New(fault.Invalid, "look up chunking profile", id, "unknown profile"),
		"the profiles are %q and %q", Default, Fine)
}

// ID returns the identifier that a blob records.
func (p Profile) ID() string { return p.id }

// Min returns the size in bytes of the shortest chunk that is not the last.
func (p Profile) Min() int { return p.min }

// Max returns the size in bytes of the longest chunk.
func (p Profile) Max() int { return p.max }

// Cut returns the length in bytes of the first chunk of data, which holds at
// least Max bytes or all that remains of the content. It is 0 only where data
// is empty. Bytes after the cut do not influence it.
func (p Profile) Cut(data []byte) int {
	if len(data) <= p.min {
		return len(data)
	}
	data = data[:min(len(data), p.max)]
	normal := min(p.normal, len(data))

	// A position n is tested after byte n-1 is absorbed. So the bytes before
	// min-1 prime the hash, and the last byte is left out: the end needs no test.
	var h uint64
	for _, b := range data[p.min-window : p.min-1] {
		h = h<<1 + table.value[b]
	}
	n, h := scan(h, data[p.min-1:normal-1], p.strict)
	if n > 0 {
		return p.min - 1 + n
	}
	n, _ = scan(h, data[normal-1:len(data)-1], p.loose)
	if n > 0 {
		return normal - 1 + n
	}
	return len(data)
}

// scan absorbs data into h until h&mask is zero, and returns how many bytes
// that took. It returns 0 where it never was, and the hash after all of data.
//
// A step takes two bytes. The hash after the first, shifted left by one, is
// (h<<2) + (G<<1), and is tested by the mask shifted likewise; bit 63 of a mask
// is never set. Both table values are summed apart from h, so that a step waits
// for the one before it by a single shift and addition.
func scan(h uint64, data []byte, mask uint64) (int, uint64) {
	value, double, mask2 := &table.value, &table.double, mask<<1
	i := 0
	for ; i < len(data)-1; i += 2 {
		first := double[data[i]]
		both := first + value[data[i+1]]
		if (h<<2+first)&mask2 == 0 {
			return i + 1, 0
		}
		h = h<<2 + both
		if h&mask == 0 {
			return i + 2, 0
		}
	}
	if i < len(data) {
		h = h<<1 + value[data[i]]
		if h&mask == 0 {
			return i + 1, 0
		}
	}
	return 0, h
}
