package dag

import (
	"slices"

	"github.com/tegwick/artifact-store/dag/fault"
)

// RawCBOR is one encoded item that is kept verbatim: what it means is not
// known here.
type RawCBOR []byte

// MarshalCBOR returns the item. An empty one is [fault.Invalid].
func (r RawCBOR) MarshalCBOR() ([]byte, error) {
	if len(r) == 0 {
		return nil, fault.New(fault.Invalid, "encode item", "", "no item")
	}
	return r, nil
}

// UnmarshalCBOR keeps a copy of the item.
func (r *RawCBOR) UnmarshalCBOR(data []byte) error {
	*r = slices.Clone(data)
	return nil
}

// isMap reports whether the item is a map.
func (r RawCBOR) isMap() bool { return len(r) > 0 && r[0]>>5 == 5 }
