package dagcbor

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/tegwick/artifact-store/dag/fault"
)

// The major types of RFC 8949 section 3.1.
const (
	majorUnsigned = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// A link (DAG-CBOR specification, "Links"): the tag, and what its byte string
// holds: the multibase identity prefix and a CIDv1.
const (
	linkTag    = 42
	linkStart  = "\x00\x01" // identity, version 1; the codec follows
	linkHash   = "\x1e\x20" // blake3, 32 bytes; the hash follows
	linkLen    = 37
	codecRaw   = 0x55
	codecDag   = 0x71
	shortestOf = 24 // the first number that does not fit into the head's byte
)

// validator walks an item once, from front to back, and allocates nothing.
// What it refuses it names by the offset of the item's head, or of where an
// item is missing.
type validator struct {
	data  []byte
	pos   int    // everything before it is accepted
	items uint64 // the most elements of an array, and pairs of a map
	link  func(cid []byte) error
}

func validate(data []byte, items uint64, link func(cid []byte) error) error {
	v := validator{data: data, items: items, link: link}
	if len(data) > MaxSize {
		return v.tooLarge(MaxSize, "longer than %d bytes", MaxSize)
	}
	if err := v.item(1); err != nil {
		return err
	}
	if v.pos != len(data) {
		return v.invalid(v.pos, "bytes after the end of the item")
	}
	return nil
}

// item accepts one item; an array or a map would be at depth.
func (v *validator) item(depth int) error {
	start := v.pos
	major, n, err := v.head()
	if err != nil {
		return err
	}
	switch major {
	case majorUnsigned, majorNegative: // the negative is -1-n
		if n > math.MaxInt64 {
			return v.invalid(start, "an integer beyond 64 bits with sign")
		}
		return nil
	case majorBytes:
		_, err := v.take(start, n)
		return err
	case majorText:
		_, err := v.text(start, n)
		return err
	case majorTag:
		return v.tag(start, n)
	case majorSimple:
		return v.simple(start, n)
	}
	switch {
	case depth > MaxDepth:
		return v.tooLarge(start, "nested deeper than %d levels", MaxDepth)
	case n > v.items:
		return v.tooLarge(start, "an array or map of more than %d items", v.items)
	case major == majorArray:
		return v.elements(n, depth)
	default:
		return v.pairs(n, depth)
	}
}

// elements accepts the n items of an array. A count beyond the data ends at
// the first missing item.
func (v *validator) elements(n uint64, depth int) error {
	for range n {
		if err := v.item(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// pairs accepts the n keys and values of a map.
func (v *validator) pairs(n uint64, depth int) error {
	var last []byte
	for i := range n {
		start := v.pos
		major, size, err := v.head()
		if err != nil {
			return err
		}
		if major != majorText {
			return v.invalid(start, "a map key that is not text")
		}
		key, err := v.text(start, size)
		if err != nil {
			return err
		}
		if i > 0 && !ascending(last, key) {
			return v.invalid(start, "a map key that is not after the one before it")
		}
		last = key
		if err := v.item(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// ascending reports whether key a comes before b. With shortest heads the
// order of the encoded keys is that of their lengths, then of their bytes.
func ascending(a, b []byte) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return bytes.Compare(a, b) < 0
}

// head reads an item's head: its major type and its number, which for
// majorSimple is the head's low five bits.
func (v *validator) head() (major byte, n uint64, err error) {
	start := v.pos
	if start == len(v.data) {
		return 0, 0, v.invalid(start, "an item is missing")
	}
	first := v.data[start]
	v.pos++
	major, low := first>>5, first&31
	if low < shortestOf || major == majorSimple {
		return major, uint64(low), nil
	}
	if low > 27 {
		return 0, 0, v.invalid(start, "an indefinite length or a reserved head")
	}
	size := 1 << (low - shortestOf)
	if len(v.data)-v.pos < size {
		return 0, 0, v.invalid(start, "a head is cut off")
	}
	var least uint64
	b := v.data[v.pos:]
	switch size {
	case 1:
		n, least = uint64(b[0]), shortestOf
	case 2:
		n, least = uint64(binary.BigEndian.Uint16(b)), 1<<8
	case 4:
		n, least = uint64(binary.BigEndian.Uint32(b)), 1<<16
	default:
		n, least = binary.BigEndian.Uint64(b), 1<<32
	}
	if n < least {
		return 0, 0, v.invalid(start, "a head that is not the shortest")
	}
	v.pos += size
	return major, n, nil
}

// take returns the next n bytes, the content of the string at start.
func (v *validator) take(start int, n uint64) ([]byte, error) {
	if n > uint64(len(v.data)-v.pos) {
		return nil, v.invalid(start, "a string is cut off")
	}
	b := v.data[v.pos : v.pos+int(n)]
	v.pos += int(n)
	return b, nil
}

// text returns the content of the text string at start, n bytes long.
func (v *validator) text(start int, n uint64) ([]byte, error) {
	b, err := v.take(start, n)
	if err != nil {
		return nil, err
	}
	if !validText(b) {
		return nil, v.invalid(start, "text that is not UTF-8 in NFC")
	}
	return b, nil
}

// tag accepts a link, and hands its CID on.
func (v *validator) tag(start int, number uint64) error {
	if number != linkTag {
		return v.invalid(start, "a tag other than %d", linkTag)
	}
	content := v.pos
	major, n, err := v.head()
	if err != nil {
		return err
	}
	if major != majorBytes || n != linkLen {
		return v.invalid(start, "a link that is not a byte string of %d bytes", linkLen)
	}
	b, err := v.take(content, n)
	if err != nil {
		return err
	}
	codec := b[len(linkStart)]
	if string(b[:2]) != linkStart || (codec != codecRaw && codec != codecDag) || string(b[3:5]) != linkHash {
		return v.invalid(start, "a link that is not 0x00 and a CIDv1 of a raw or dag-cbor block by blake3-256")
	}
	if v.link == nil {
		return nil
	}
	return v.link(b[1:])
}

// simple accepts true and false.
func (v *validator) simple(start int, low uint64) error {
	switch low {
	case 20, 21:
		return nil
	case 22:
		return v.invalid(start, "null")
	case 23:
		return v.invalid(start, "undefined")
	case 25, 26, 27:
		return v.invalid(start, "a floating-point number")
	default:
		return v.invalid(start, "a simple value other than true and false")
	}
}

func (v *validator) invalid(offset int, format string, args ...any) error {
	return fault.New(fault.Invalid, "validate CBOR", at(offset), format, args...)
}

func (v *validator) tooLarge(offset int, format string, args ...any) error {
	return fault.New(fault.TooLarge, "validate CBOR", at(offset), format, args...)
}

func at(offset int) string { return "at byte " + strconv.Itoa(offset) }

// ValidText reports whether s can be a text string of the profile: UTF-8, in
// NFC, and without a run of more than 30 non-starters, which makes it Stream-
// Safe (UAX #15 section 13). The characters are those of [norm.Version]; one
// that is newer counts as a starter that composes with nothing.
func ValidText(s string) bool { return validText([]byte(s)) }

func validText(b []byte) bool {
	return ascii(b) || utf8.Valid(b) && norm.NFC.IsNormal(b)
}

// ascii reports whether b is in ASCII only, as nearly all text is here.
func ascii(b []byte) bool {
	const high = 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&high != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
