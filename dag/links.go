package dag

import (
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Links returns the links of b in the order in which they stand in it, with
// repetitions. A raw block has none. A dag-cbor block is validated first, with
// the errors of [dagcbor.Validate]; a block of another codec is
// [fault.Invalid]. Whether the bytes hash to the CID is not looked at.
func Links(b Block) ([]CID, error) {
	switch b.CID.Codec {
	case Raw:
		return nil, nil
	case Cbor:
	default:
		return nil, fault.New(fault.Invalid, "read links", b.CID.String(), "the codec is neither raw nor dag-cbor")
	}
	var links []CID
	err := dagcbor.Validate(b.Data, func(cid []byte) error {
		c, err := ParseCIDBytes(cid)
		links = append(links, c)
		return err
	})
	if err != nil {
		return nil, fault.Wrap(fault.Other, "read links", b.CID.String(), err)
	}
	return links, nil
}
