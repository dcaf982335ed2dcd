package dag

import (
	"context"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// version is that of every structure which is written here, and the newest
// that is read.
const version = 1

// header is what each structure has.
type header struct {
	V uint64 `cbor:"v"`
}

func (h *header) version() uint64 { return h.V }

// encodeNode returns a structure's block.
func encodeNode(op string, v any) (Block, error) {
	data, err := dagcbor.Marshal(v)
	if err != nil {
		return Block{}, fault.Wrap(fault.Other, op, "", err)
	}
	return NewBlock(Cbor, data), nil
}

// decodeNode reads a block into a structure. A newer version is told from
// bytes that are wrong: its fields need not be known here.
func decodeNode(op string, b Block, into interface{ version() uint64 }) error {
	what := b.CID.String()
	if b.CID.Codec != Cbor {
		return fault.New(fault.Invalid, op, what, "not a dag-cbor block")
	}
	err := dagcbor.Unmarshal(b.Data, into)
	v := into.version()
	if err != nil {
		v = peekVersion(b.Data)
	}
	switch {
	case v > version:
		return newer(fault.New(fault.Invalid, op, what, "made by a newer version of the format: %d, where %d is the newest known", v, version))
	case err == nil && v != version:
		return fault.New(fault.Invalid, op, what, "version %d is none", v)
	}
	return fault.Wrap(fault.Other, op, what, err)
}

// peekVersion returns the field v of any structure, 0 where it has none.
func peekVersion(data []byte) (v uint64) {
	var fields map[string]RawCBOR
	if dagcbor.Unmarshal(data, &fields) != nil || dagcbor.Unmarshal(fields["v"], &v) != nil {
		return 0
	}
	return v
}

func newer(err error) error { return fault.Hint(err, "upgrade artifact to read it") }

// fetch reads the block c and does not take another for it.
func fetch(ctx context.Context, g Getter, c CID) (Block, error) {
	b, err := g.Get(ctx, c)
	if err == nil && b.CID != c {
		err = fault.New(fault.Corrupt, "read block", c.String(), "got block %s", b.CID)
	}
	return b, err
}
