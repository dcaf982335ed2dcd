package chunk

import (
	"encoding/binary"
	"io"

	"github.com/zeebo/blake3"
)

// seed is the published string that every constant is drawn from, so that
// none can be suspected of being chosen.
const seed = "artifact-store fastcdc gear v1"

// window is the number of bytes that the hash at a position depends on.
const window = 64

// maskOrder is the number of hash bits that a mask may test.
const maskOrder = 18

// gear holds the constants of the hash.
type gear struct {
	// value is G. Its low 16 bits are A[b&15] ^ B[b>>4], two 16-entry
	// look-ups that a vector unit does as byte shuffles; the rest is random.
	value [256]uint64
	// double is G<<1 modulo 2^64: what the first byte of a two-byte step adds.
	double [256]uint64
	// order is the order in which masks take bits. The first ten lie within
	// the low 16 bits, where a vector unit can decide most positions.
	order [maskOrder]uint8
}

// table is computed once and never written again.
var table = newGear(seed)

// newGear draws the constants from the BLAKE3 extendable output of name: A and
// B as 16 little-endian uint16 each, then the upper 48 bits of each of the 256
// gear values in little endian, then the upper mask bits.
func newGear(name string) *gear {
	hash := blake3.New()
	_, _ = hash.WriteString(name) // a hash takes every write
	xof := hash.Digest()

	var low [2 * 16 * 2]byte
	fill(xof, low[:])
	nibble := func(i int) uint64 { return uint64(binary.LittleEndian.Uint16(low[2*i:])) }

	g := new(gear)
	for b := range g.value {
		var high [8]byte
		fill(xof, high[2:])
		g.value[b] = binary.LittleEndian.Uint64(high[:]) | (nibble(b&15) ^ nibble(16+b>>4))
		g.double[b] = g.value[b] << 1
	}
	g.order = drawOrder(xof)
	return g
}

// drawOrder returns bits 6 to 15 and then eight different ones drawn from 16
// to 62. None is bit 63, so that a mask shifted left by one is whole. A byte of
// 235 (five times 47) or more is rejected, which keeps the draw uniform.
func drawOrder(xof *blake3.Digest) (order [maskOrder]uint8) {
	n := 0
	for bit := uint8(6); bit < 16; bit++ {
		order[n] = bit
		n++
	}
	var taken uint64
	for n < maskOrder {
		var b [1]byte
		fill(xof, b[:])
		bit := 16 + b[0]%47
		if b[0] >= 235 || taken>>bit&1 == 1 {
			continue
		}
		taken |= 1 << bit
		order[n] = bit
		n++
	}
	return order
}

// mask returns a mask of the first n bits of the order.
func (g *gear) mask(n int) (m uint64) {
	for _, bit := range g.order[:n] {
		m |= 1 << bit
	}
	return m
}

// fill reads len(p) bytes of the output, which has 2^64 of them and no errors.
func fill(xof *blake3.Digest, p []byte) { _, _ = io.ReadFull(xof, p) }
