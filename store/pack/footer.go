package pack

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"github.com/tegwick/artifact-store/dag"
)

// The footer of a sealed segment: the table of all records sorted by digest,
// a filter over their digests, padding, and the trailer block.
const (
	sealMagic   = "ArtSeal\x01"
	tableRow    = 56
	filterBlock = 64 // bytes
	filterBits  = 12 // per record
	filterTests = 8  // bits set per record
	trailerHash = 96 // offset of the seal hash; it covers what is before
)

// row is one record of the table, encoded.
type row [tableRow]byte

func makeRow(e entry, slot, offset uint32) (r row) {
	le := binary.LittleEndian
	copy(r[:], e.digest[:])
	le.PutUint32(r[32:], slot)
	le.PutUint32(r[36:], offset)
	le.PutUint32(r[40:], e.stored)
	le.PutUint32(r[44:], e.plain)
	r[48], r[49] = byte(e.typ), byte(e.compression)
	le.PutUint16(r[50:], e.key)
	le.PutUint32(r[52:], e.crc)
	return r
}

// compareRows orders by digest, then by slot: a digest may stand there twice.
func compareRows(a, b row) int {
	le := binary.LittleEndian
	return cmp.Or(bytes.Compare(a[:32], b[:32]), cmp.Compare(le.Uint32(a[32:]), le.Uint32(b[32:])))
}

// filterBlocks returns how many blocks the filter over n records has.
func filterBlocks(n int) int { return max(1, (n*filterBits+filterBlock*8-1)/(filterBlock*8)) }

// footerSize returns the length of a footer for n records.
func footerSize(n int) int64 {
	return up(int64(n)*tableRow+int64(filterBlocks(n))*filterBlock) + Align
}

// filterPlace returns the block of a filter that a digest falls into, and the
// numbers of its bits in it. A digest is evenly distributed, so its own bytes
// serve as hashes (a blocked Bloom filter: Putze, Sanders, Singler, 2007).
func filterPlace(filter []byte, d []byte) (block []byte, bit [filterTests]uint16) {
	le := binary.LittleEndian
	at, _ := bits.Mul64(le.Uint64(d), uint64(len(filter)/filterBlock))
	for i := range bit {
		bit[i] = le.Uint16(d[8+2*i:]) % (filterBlock * 8)
	}
	return filter[at*filterBlock:][:filterBlock], bit
}

func filterAdd(filter, d []byte) {
	block, bit := filterPlace(filter, d)
	for _, n := range bit {
		block[n/8] |= 1 << (n % 8)
	}
}

// filterHas reports false where no record with the digest was added.
func filterHas(filter, d []byte) bool {
	block, bit := filterPlace(filter, d)
	for _, n := range bit {
		if block[n/8]&(1<<(n%8)) == 0 {
			return false
		}
	}
	return true
}

// footer is an encoded footer and what it says.
type footer struct {
	bytes  []byte // aligned
	sealed Sealed
}

// buildFooter makes the footer of the frames that end at the state end, from
// their heads as the file has them.
func buildFooter(r io.ReaderAt, id uint64, store StoreID, end State) (footer, *Damage, error) {
	hash := dag.NewHash()
	rows, bad, err := readRows(r, id, store, end, hash)
	if bad != nil || err != nil {
		return footer{}, bad, err
	}
	slices.SortFunc(rows, compareRows)
	out := Buffer(int(footerSize(len(rows))))
	table := out[:len(rows)*tableRow]
	filter := out[len(table):][:filterBlocks(len(rows))*filterBlock]
	for i := range rows {
		copy(table[i*tableRow:], rows[i][:])
		filterAdd(filter, rows[i][:])
	}
	trailer := out[len(out)-Align:]
	le := binary.LittleEndian
	copy(trailer, sealMagic)
	le.PutUint32(trailer[8:], version)
	le.PutUint64(trailer[16:], id)
	copy(trailer[24:], store[:])
	le.PutUint64(trailer[40:], uint64(end.Length))
	le.PutUint32(trailer[48:], end.Frames)
	le.PutUint32(trailer[52:], end.Slots)
	le.PutUint32(trailer[56:], uint32(len(filter)/filterBlock))
	le.PutUint32(trailer[60:], checksum(table))
	le.PutUint32(trailer[64:], checksum(filter))
	hash.Write(out[:len(out)-Align+trailerHash])
	sealed := Sealed{State: end, Size: end.Length + int64(len(out)), Hash: dag.Digest(hash.Sum(nil))}
	copy(trailer[trailerHash:], sealed.Hash[:])
	signBlock(trailer)
	return footer{bytes: out, sealed: sealed}, nil, nil
}

// readRows hashes the header and the heads of all frames up to end, and
// returns a row for each record, or where they are not as they should be.
func readRows(r io.ReaderAt, id uint64, store StoreID, end State, hash io.Writer) ([]row, *Damage, error) {
	b := make([]byte, Align)
	if err := readHeader(r, b, id, store); err != nil {
		return nil, nil, err
	}
	hash.Write(b)
	var rows []row
	at := State{Length: Align}
	for at.Length < end.Length {
		clear(b)
		if _, err := readFull(r, b, at.Length); err != nil {
			return nil, nil, err
		}
		h, reason := parseHead(b, id, store)
		if reason == "" && (h.ordinal != at.Frames || h.slot != at.Slots) {
			reason = outOfOrder
		}
		if reason != "" {
			return nil, &Damage{Name(id), at.Length, Align, reason}, nil
		}
		hash.Write(b)
		rows = appendRows(rows, b, h, uint32(at.Length)+Align)
		at = h.after(at.Length)
	}
	if at != end {
		return nil, &Damage{Name(id), at.Length, Align, fmt.Sprintf("%d frames with %d records, expected %d with %d up to %d",
			at.Frames, at.Slots, end.Frames, end.Slots, end.Length)}, nil
	}
	return rows, nil, nil
}

// appendRows adds the records of the head b, whose payloads begin at offset.
func appendRows(rows []row, b []byte, h head, offset uint32) []row {
	for i := range h.count {
		e := parseEntry(b, i)
		rows = append(rows, makeRow(e, h.slot+uint32(i), offset))
		offset += e.stored
	}
	return rows
}

// readTrailer returns what the last block of a file says, or nil where it is
// not the trailer of this segment.
func readTrailer(r io.ReaderAt, size int64, id uint64, store StoreID) (*Sealed, error) {
	if size < 3*Align || size%Align != 0 || size > maxFile {
		return nil, nil
	}
	b := make([]byte, Align)
	if _, err := readFull(r, b, size-Align); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if !signed(b, sealMagic) || le.Uint32(b[8:]) != version || le.Uint64(b[16:]) != id || StoreID(b[24:40]) != store {
		return nil, nil
	}
	length, slots := le.Uint64(b[40:]), le.Uint32(b[52:])
	if length < Align || length > MaxSegment || length%Align != 0 || int64(length)+footerSize(int(slots)) != size {
		return nil, nil
	}
	return &Sealed{
		State: State{Length: int64(length), Frames: le.Uint32(b[48:]), Slots: slots},
		Size:  size, Hash: dag.Digest(b[trailerHash : trailerHash+32]),
	}, nil
}
