package eventlog

import (
	"encoding/binary"

	"github.com/tegwick/artifact-store/dag/fault"
)

// AppendBundle appends a leaf to a bundle of entries (C2SP tlog-tiles, "Log
// entries"): its length in 16 bits, big endian, and the leaf. One over
// [MaxLeaf] is [fault.TooLarge].
func AppendBundle(bundle, leaf []byte) ([]byte, error) {
	if len(leaf) > MaxLeaf {
		return bundle, fault.New(fault.TooLarge, "write entry bundle", "", "a leaf of %d bytes; the most is %d", len(leaf), MaxLeaf)
	}
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(leaf)))
	return append(bundle, leaf...), nil
}

// ReadBundle returns the leaves of a bundle of width entries, 1 to 256; they
// are parts of it. Anything but exactly as many is [fault.Invalid].
func ReadBundle(bundle []byte, width int) ([][]byte, error) {
	const op = "read entry bundle"
	if width < 1 || width > TileWidth {
		return nil, fault.New(fault.Invalid, op, "", "a width of %d", width)
	}
	leaves := make([][]byte, 0, width)
	for len(leaves) < width {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, fault.New(fault.Invalid, op, "", "it ends in entry %d of %d", len(leaves), width)
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		leaves = append(leaves, bundle[2:end:end])
		bundle = bundle[end:]
	}
	if len(bundle) > 0 {
		return nil, fault.New(fault.Invalid, op, "", "%d bytes after its last entry", len(bundle))
	}
	return leaves, nil
}
