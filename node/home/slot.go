package home

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
)

// A slot of a watermark's file is, in big-endian order,
//
//	sequence  8 bytes
//	chain    32 bytes
//	sum      32 bytes, SHA-256 over markDomain, the store's identity and the above
//
// and the slots begin slotSize bytes apart, so that no block of a disk has parts
// of both. What has another sum is no mark, which a slot of zeros is not either.
const (
	slotSize   = 4096
	markSize   = 8 + 32 + sha256.Size
	markDomain = "artifact-store watermark v1\n"
)

func encodeSlot(id [16]byte, m Mark) (b [markSize]byte) {
	binary.BigEndian.PutUint64(b[:], m.Sequence)
	copy(b[8:], m.Chain[:])
	sum := slotSum(id, b[:8+32])
	copy(b[8+32:], sum[:])
	return b
}

type slot struct {
	mark Mark
	ok   bool
}

func readSlots(id [16]byte, r io.ReaderAt) (slots [2]slot, err error) {
	for i := range slots {
		var b [markSize]byte
		if _, err := r.ReadAt(b[:], int64(i)*slotSize); err != nil && !errors.Is(err, io.EOF) {
			return slots, err
		}
		slots[i].ok = slotSum(id, b[:8+32]) == [sha256.Size]byte(b[8+32:])
		slots[i].mark = Mark{Sequence: binary.BigEndian.Uint64(b[:]), Chain: [32]byte(b[8 : 8+32])}
	}
	return slots, nil
}

func slotSum(id [16]byte, mark []byte) [sha256.Size]byte {
	b := append([]byte(markDomain), id[:]...)
	return sha256.Sum256(append(b, mark...))
}
