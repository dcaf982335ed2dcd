package pack

import (
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Compression is how a record's plain bytes are stored.
type Compression uint8

// The compressions of version 1.
const (
	None Compression = 0 // as they are
	S2   Compression = 1 // one S2 block (github.com/klauspost/compress/s2)
	Zstd Compression = 2 // one Zstandard frame (RFC 8878)
)

// The codecs hold no state between calls; each is built when first needed.
var (
	zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithWindowSize(dag.MaxRaw))
	})
	zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0),
			zstd.WithDecoderMaxMemory(dag.MaxRaw), zstd.WithDecoderMaxWindow(dag.MaxRaw),
			zstd.WithDecodeAllCapLimit(true))
	})
)

// Encode returns plain as c stores it, in dst's memory where that is large
// enough. Where c does not make it smaller, or is not known, it returns plain
// itself and [None]. It may be called concurrently.
func Encode(plain []byte, c Compression, dst []byte) ([]byte, Compression) {
	stored := plain
	switch c {
	case S2:
		if n := s2.MaxEncodedLen(len(plain)); n > 0 {
			stored = s2.Encode(slices.Grow(dst[:0], n)[:n], plain)
		}
	case Zstd:
		if enc, err := zstdEncoder(); err == nil {
			stored = enc.EncodeAll(plain, dst[:0])
		}
	}
	if len(stored) >= len(plain) {
		return plain, None
	}
	return stored, c
}

// Decode returns the plain bytes of what c stored, in dst's memory where that
// is large enough; for [None] it returns stored itself. Whatever does not
// give exactly plain bytes is [fault.Corrupt], an unknown compression
// [fault.Invalid]. It allocates no more than plain bytes for the result, and
// may be called concurrently.
func Decode(stored []byte, c Compression, plain uint32, dst []byte) ([]byte, error) {
	const op = "decompress record"
	if plain > dag.MaxRaw {
		return nil, fault.New(fault.Corrupt, op, "", "%d plain bytes, at most %d are possible", plain, dag.MaxRaw)
	}
	var err error
	out := stored
	switch c {
	case None:
	case S2:
		out, err = decodeS2(stored, int(plain), dst)
	case Zstd:
		out, err = decodeZstd(stored, int(plain), dst)
	default:
		return nil, fault.Hint(fault.New(fault.Invalid, op, "", "unknown compression %d", c), "use a newer artifact-store")
	}
	if err != nil {
		return nil, fault.Wrap(fault.Corrupt, op, "", err)
	}
	if len(out) != int(plain) {
		return nil, fault.New(fault.Corrupt, op, "", "%d plain bytes instead of %d", len(out), plain)
	}
	return out, nil
}

func decodeS2(stored []byte, plain int, dst []byte) ([]byte, error) {
	n, err := s2.DecodedLen(stored)
	if err != nil {
		return nil, err
	}
	if n != plain {
		return nil, fault.New(fault.Corrupt, "decode s2", "", "the block holds %d bytes instead of %d", n, plain)
	}
	return s2.Decode(slices.Grow(dst[:0], plain)[:plain], stored)
}

func decodeZstd(stored []byte, plain int, dst []byte) ([]byte, error) {
	dec, err := zstdDecoder()
	if err != nil {
		return nil, err
	}
	return dec.DecodeAll(stored, slices.Grow(dst[:0], plain)[:0:plain])
}
