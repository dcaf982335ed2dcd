// Package dagcbor is the one encoding of every structure of this format: a
// profile of CBOR (RFC 8949) whose bytes are at once canonical DAG-CBOR and
// deterministically encoded by RFC 8949 section 4.2.
//
// One item, of at most [MaxSize] bytes and [MaxDepth] levels, made of
//   - integers from -2^63 to 2^63-1, true and false: no float, null, undefined
//     or other simple value;
//   - byte strings, and text strings in UTF-8 and NFC (see [ValidText]);
//   - arrays, and maps whose keys are text strings in strictly ascending order
//     of their encoded bytes: the shorter key first, then bytewise;
//   - links: tag 42 of a byte string that holds 0x00 and a binary CIDv1 of a
//     raw (0x55) or dag-cbor (0x71) block by BLAKE3-256 (0x1e). No other tag.
//
// Each head is the shortest that holds its number, and each length definite.
package dagcbor

import (
	"bytes"
	"math"

	"github.com/fxamacker/cbor/v2"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Limits on what is encoded and decoded. What is over one of them is
// [fault.TooLarge].
const (
	// MaxSize is the longest item in bytes. It is the largest dag-cbor block.
	MaxSize = 1 << 20
	// MaxDepth is the deepest nesting of arrays and maps; the outermost is 1.
	MaxDepth = 32
	// MaxItems is the longest array, and the largest map, that [Marshal] and
	// [Unmarshal] take. An element of one byte can take hundreds in memory, so
	// that the size alone does not bound what decoding costs. No structure of
	// ours comes near: one element of a long array holds at least a link.
	MaxItems = 32 << 10
)

// The modes are the codec's half of the profile; the validator, which sees all
// that goes in and out, is the gate.
var (
	encoder = must(encOptions().EncMode())
	decoder = must(decOptions().DecMode())
)

func encOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	o.BigIntConvert = cbor.BigIntConvertReject
	return o
}

func decOptions() cbor.DecOptions {
	return cbor.DecOptions{
		MaxNestedLevels:   MaxDepth + 1, // a link is a level there
		MaxArrayElements:  MaxItems,
		MaxMapPairs:       MaxItems,
		IndefLength:       cbor.IndefLengthForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}
}

// must is for options fixed at compile time: no input reaches it.
func must[M any](m M, err error) M {
	if err != nil {
		panic(err)
	}
	return m
}

// Marshal encodes v canonically. A nil slice or map is an empty one; struct
// fields may be left out by omitempty, and a link by omitzero. A value that
// has no encoding in the profile (a float, a nil pointer, text that is not
// [ValidText], the zero CID) is [fault.Invalid], and one over a limit is
// [fault.TooLarge]. What it returns, [Unmarshal] and [Validate] accept.
func Marshal(v any) ([]byte, error) {
	const op = "encode CBOR"
	data, err := encoder.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "", err)
	}
	if err := validate(data, MaxItems, nil); err != nil {
		return nil, fault.Wrap(fault.Other, op, "", err)
	}
	return data, nil
}

// Unmarshal decodes data into v, a pointer to a zero value of a type that
// [Marshal] takes. Data that [Validate] refuses, and data that is not exactly
// how [Marshal] encodes the decoded value, is [fault.Invalid]: an unknown
// field, a missing one, one that is present and empty where it would have been
// left out, a byte string too long for its array. So a structure has a single
// encoding, and what was decoded says all that data says. Data over a limit is
// [fault.TooLarge]. After an error, what v holds is not defined.
func Unmarshal(data []byte, v any) error {
	const op = "decode CBOR"
	if err := validate(data, MaxItems, nil); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	if err := decoder.Unmarshal(data, v); err != nil {
		return fault.Wrap(fault.Invalid, op, "", err)
	}
	// The codec decodes leniently: it drops the tag of a link that meets a
	// []byte, cuts and pads byte arrays, and leaves zero what is missing.
	again, err := encoder.Marshal(v)
	if err != nil {
		return fault.Wrap(fault.Invalid, op, "", err)
	}
	if !bytes.Equal(again, data) {
		return fault.New(fault.Invalid, op, at(differ(again, data)),
			"a field is missing, of another type, or empty where it must be left out")
	}
	return nil
}

// differ returns the offset of the first byte in which a and b differ.
func differ(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// Validate accepts data only where it is one item of the profile, and calls
// link, which may be nil, with the binary CID of each link, in order. The CID
// is a part of data. The calls come while the rest is still unchecked: use
// what they gave only after Validate returned nil.
//
// A refusal is [fault.Invalid], or [fault.TooLarge] for size and depth, and
// its What names the byte offset of the offending item. An error of link ends
// the validation and is returned as it is.
func Validate(data []byte, link func(cid []byte) error) error {
	return validate(data, math.MaxUint64, link)
}
