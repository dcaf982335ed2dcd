package dag

import (
	"github.com/tegwick/artifact-store/dag/fault"
)

// Block is bytes with the CID that they hash to. Whoever holds one may rely
// on that: blocks are made only by [NewBlock] and [Check].
type Block struct {
	CID  CID
	Data []byte
}

// NewBlock hashes data. It does not copy it, and does not look into it: a
// dag-cbor block is validated where it is received.
func NewBlock(codec Codec, data []byte) Block {
	return Block{CID: CID{Codec: codec, Digest: Sum(data)}, Data: data}
}

// Check returns data as the block c, or [fault.Corrupt] where it is not.
func Check(c CID, data []byte) (Block, error) {
	if Sum(data) != c.Digest {
		return Block{}, fault.New(fault.Corrupt, "check block", c.String(), "the bytes do not hash to their CID")
	}
	return Block{CID: c, Data: data}, nil
}
