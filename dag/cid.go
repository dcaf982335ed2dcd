package dag

import (
	"encoding/hex"
	"fmt"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
	"github.com/zeebo/blake3"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Codec is the multicodec of a block's bytes.
type Codec uint64

// The two codecs of this format (multicodec table).
const (
	Raw  Codec = cid.Raw     // 0x55: opaque bytes
	Cbor Codec = cid.DagCBOR // 0x71: a canonical DAG-CBOR node, which may link
)

// Digest is a BLAKE3-256 hash.
type Digest [32]byte

// Sum returns the BLAKE3-256 hash of data.
func Sum(data []byte) Digest { return blake3.Sum256(data) }

// String returns "blake3:" and the hash in lower-case hex.
func (d Digest) String() string { return "blake3:" + hex.EncodeToString(d[:]) }

// CID names a block: its codec and the BLAKE3-256 hash of its bytes. In text
// and in links it is a CIDv1 with a blake3 multihash (0x1e), as IPFS reads it.
// The zero CID names nothing.
type CID struct {
	Codec  Codec
	Digest Digest
}

// cidLen is the length of a binary CID of ours: version, codec, hash
// function, hash length, 32 bytes of hash; each head is one byte.
const cidLen = 36

// Bytes returns the binary CID.
func (c CID) Bytes() []byte {
	b := make([]byte, 0, cidLen)
	b = append(b, 1, byte(c.Codec), byte(multihash.BLAKE3), 32)
	return append(b, c.Digest[:]...)
}

// String returns the CID in base32, as in "bafkr4i…".
func (c CID) String() string {
	_, std, err := cid.CidFromBytes(c.Bytes())
	if err != nil {
		return fmt.Sprintf("invalid CID %x", c.Bytes())
	}
	return std.String()
}

// IsZero reports whether c names nothing.
func (c CID) IsZero() bool { return c == CID{} }

// ParseCIDBytes reads a binary CID. Anything but a CIDv1 of a raw or dag-cbor
// block by BLAKE3-256 is [fault.Invalid].
func ParseCIDBytes(b []byte) (CID, error) {
	if len(b) != cidLen || b[0] != 1 || b[2] != byte(multihash.BLAKE3) || b[3] != 32 ||
		(Codec(b[1]) != Raw && Codec(b[1]) != Cbor) {
		return CID{}, fault.New(fault.Invalid, "parse CID", "", "not a CIDv1 of a raw or dag-cbor block by blake3-256")
	}
	return CID{Codec: Codec(b[1]), Digest: Digest(b[4:])}, nil
}

// ParseCID reads a CID in any multibase text form. Errors as [ParseCIDBytes].
func ParseCID(s string) (CID, error) {
	c, err := cid.Decode(s)
	if err != nil {
		return CID{}, fault.Wrap(fault.Invalid, "parse CID", s, err)
	}
	return ParseCIDBytes(c.Bytes())
}

// ParseDigest reads "blake3:<64 lower-case hex digits>".
func ParseDigest(s string) (Digest, error) {
	const prefix = "blake3:"
	var d Digest
	if len(s) != len(prefix)+2*len(d) || s[:len(prefix)] != prefix {
		return d, fault.New(fault.Invalid, "parse digest", s, "want blake3:<64 hex digits>")
	}
	if _, err := hex.Decode(d[:], []byte(s[len(prefix):])); err != nil || d.String() != s {
		return Digest{}, fault.New(fault.Invalid, "parse digest", s, "want blake3:<64 lower-case hex digits>")
	}
	return d, nil
}
