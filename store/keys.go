package store

import (
	"encoding/binary"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Every key of the metadata plane stands here. Numbers are big endian so that
// keys sort as they count; a repository's name is ended by a zero byte, which
// no name can hold.
//
//	b <domain:4> <digest:32>            -> location of a block
//	g <segment:8>                       -> state of a segment
//	a <repository> 0 <digest:32>        -> artifact of a repository
//	t <repository> 0 <tag>              -> tag of a repository
//	n <repository> 0 <digest:32> <tag>  -> the tags that name an artifact
//	o <digest:32> <repository>          -> owners of a manifest
//	m <name>                            -> single values
const (
	prefixBlock    = "b"
	prefixSegment  = "g"
	prefixArtifact = "a"
	prefixTag      = "t"
	prefixName     = "n"
	prefixOwner    = "o"
)

// Single values.
var (
	keyStore    = []byte("mstore")    // the store's id: these rows belong to it
	keySequence = []byte("msequence") // sequence of the last reference change applied
	keyTop      = []byte("mtop")      // the largest number of a segment that was dropped: none is used twice
)

// domainPublic is the deduplication domain of unsealed blocks.
const domainPublic uint32 = 0

func blockKey(domain uint32, d dag.Digest) []byte {
	k := make([]byte, 0, 1+4+len(d))
	k = append(k, prefixBlock...)
	k = binary.BigEndian.AppendUint32(k, domain)
	return append(k, d[:]...)
}

// blockKeyDigest is the inverse of [blockKey] for its digest.
func blockKeyDigest(k []byte) (dag.Digest, error) {
	if len(k) != 1+4+32 {
		return dag.Digest{}, fault.New(fault.Corrupt, "read index", "", "a block key of %d bytes", len(k))
	}
	return dag.Digest(k[5:]), nil
}

func segmentKey(id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefixSegment), id)
}

// segmentKeyID is the inverse of [segmentKey].
func segmentKeyID(k []byte) (uint64, error) {
	if len(k) != 1+8 {
		return 0, fault.New(fault.Corrupt, "read index", "", "a segment key of %d bytes", len(k))
	}
	return binary.BigEndian.Uint64(k[1:]), nil
}

func artifactKey(repository string, d dag.Digest) []byte {
	return append(repositoryPrefix(prefixArtifact, repository), d[:]...)
}

func tagKey(repository, tag string) []byte {
	return append(repositoryPrefix(prefixTag, repository), tag...)
}

func nameKey(repository string, d dag.Digest, tag string) []byte {
	return append(namePrefix(repository, d), tag...)
}

func namePrefix(repository string, d dag.Digest) []byte {
	return append(repositoryPrefix(prefixName, repository), d[:]...)
}

func repositoryPrefix(prefix, repository string) []byte {
	k := make([]byte, 0, len(prefix)+len(repository)+1+64)
	k = append(k, prefix...)
	k = append(k, repository...)
	return append(k, 0)
}

func ownerKey(d dag.Digest, repository string) []byte {
	return append(ownerPrefix(d), repository...)
}

func ownerPrefix(d dag.Digest) []byte {
	return append([]byte(prefixOwner), d[:]...)
}

// encodeLocation is the value of a block's key.
func encodeLocation(l pack.Location) []byte {
	b := make([]byte, 0, 24)
	b = append(b, byte(l.Type), byte(l.Compression))
	b = binary.AppendUvarint(b, l.Segment)
	for _, n := range [...]uint32{l.Slot, l.Offset, l.Stored, l.Plain} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

func decodeLocation(b []byte) (pack.Location, error) {
	bad := func() (pack.Location, error) {
		return pack.Location{}, fault.New(fault.Corrupt, "read index", "", "a block location that cannot be read")
	}
	if len(b) < 2 {
		return bad()
	}
	l := pack.Location{Type: pack.RecordType(b[0]), Compression: pack.Compression(b[1])}
	b = b[2:]
	var n [5]uint64
	for i := range n {
		v, w := binary.Uvarint(b)
		if w <= 0 || i > 0 && v > 1<<32-1 {
			return bad()
		}
		n[i], b = v, b[w:]
	}
	if len(b) != 0 || n[4] > dag.MaxRaw {
		return bad()
	}
	l.Segment = n[0]
	l.Slot, l.Offset, l.Stored, l.Plain = uint32(n[1]), uint32(n[2]), uint32(n[3]), uint32(n[4])
	return l, nil
}

// segmentState says what may still happen to a segment.
type segmentState byte

const (
	segmentOpen    segmentState = 1 // may be appended to; bytes beyond the row may be records
	segmentClosed  segmentState = 2 // ended without a footer, after a failed write; ends where the row says
	segmentSealed  segmentState = 3 // ended with a footer
	segmentDropped segmentState = 4 // its file is to be removed
)

// segmentRow is what the metadata knows of a segment. Everything below At is
// indexed.
type segmentRow struct {
	State segmentState
	At    pack.State
	Bytes int64 // stored bytes of the blocks in it, live or not
}

func (r segmentRow) encode() []byte {
	b := []byte{byte(r.State)}
	for _, n := range [...]uint64{uint64(r.At.Length), uint64(r.At.Frames), uint64(r.At.Slots), uint64(r.Bytes)} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func decodeSegmentRow(b []byte) (segmentRow, error) {
	bad := fault.New(fault.Corrupt, "read index", "", "a segment state that cannot be read")
	if len(b) == 0 || b[0] < byte(segmentOpen) || b[0] > byte(segmentDropped) {
		return segmentRow{}, bad
	}
	var n [4]uint64
	rest := b[1:]
	for i := range n {
		v, w := binary.Uvarint(rest)
		if w <= 0 || v > 1<<40 {
			return segmentRow{}, bad
		}
		n[i], rest = v, rest[w:]
	}
	if len(rest) != 0 || n[1] > 1<<32-1 || n[2] > 1<<32-1 {
		return segmentRow{}, bad
	}
	return segmentRow{
		State: segmentState(b[0]),
		At:    pack.State{Length: int64(n[0]), Frames: uint32(n[1]), Slots: uint32(n[2])},
		Bytes: int64(n[3]),
	}, nil
}
