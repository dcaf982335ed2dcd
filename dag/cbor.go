package dag

import (
	"bytes"

	"github.com/tegwick/artifact-store/dag/fault"
)

// linkHead is how a link begins in canonical CBOR (DAG-CBOR specification,
// "Links"): tag 42, the head of a byte string of 37 bytes, and the multibase
// identity prefix. The binary CID follows.
const linkHead = "\xd8\x2a\x58\x25\x00"

// MarshalCBOR encodes c as a link. The zero CID, or one of another codec, is
// [fault.Invalid]: a field that may hold no link is tagged omitzero.
func (c CID) MarshalCBOR() ([]byte, error) {
	if c.Codec != Raw && c.Codec != Cbor {
		return nil, fault.New(fault.Invalid, "encode link", "", "the CID is zero or of an unknown codec")
	}
	b := make([]byte, 0, len(linkHead)+cidLen)
	b = append(b, linkHead...)
	return append(b, c.Bytes()...), nil
}

// UnmarshalCBOR decodes a link. Anything else is [fault.Invalid].
func (c *CID) UnmarshalCBOR(data []byte) error {
	b, found := bytes.CutPrefix(data, []byte(linkHead))
	if !found {
		return fault.New(fault.Invalid, "decode link", "", "not a link to a block")
	}
	parsed, err := ParseCIDBytes(b)
	if err != nil {
		return fault.Wrap(fault.Other, "decode link", "", err)
	}
	*c = parsed
	return nil
}
