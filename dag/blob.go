package dag

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"math"
	"regexp"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Part is a piece of a blob: a chunk, or an index block over further parts.
type Part struct {
	_    struct{} `cbor:",toarray"`
	Link CID
	Size uint64 // bytes of content
}

// Blob is a byte sequence that was built: what a [Descriptor] needs to know.
type Blob struct {
	Root    CID
	Size    uint64  // bytes of content
	Digests Digests // whole-content hashes that were computed
}

// indexNode is an inner block of a blob's tree.
type indexNode struct {
	header
	Size  uint64 `cbor:"size"`
	Parts []Part `cbor:"parts"`
}

// rootNode is the root of a blob of two chunks or more.
type rootNode struct {
	header
	Size    uint64  `cbor:"size"`
	Profile string  `cbor:"profile"`
	Digests Digests `cbor:"digests"`
	Parts   []Part  `cbor:"parts"`
	Seal    RawCBOR `cbor:"seal,omitzero"`
}

// profileName is the grammar of a chunking profile's id.
var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// EmptyBlock returns the raw block of no bytes.
func EmptyBlock() Block { return NewBlock(Raw, nil) }

var emptyRoot = EmptyBlock().CID

// EmptyBlob returns the blob of no bytes. Its root is [EmptyBlock], which
// whoever uses it must store.
func EmptyBlob() Blob {
	sum := sha256.Sum256(nil)
	return Blob{Root: emptyRoot, Digests: Digests{"sha256": sum[:]}}
}

// TreeBuilder turns chunks, given in order, into the one tree that there is
// for them: each index block is filled to [MaxFanout] before the next, all
// chunks are at one depth, and a level is added only when the root is full. It
// holds at most one unfinished index block a level.
type TreeBuilder struct {
	profile string
	put     func(Block) error
	levels  [][]Part // unfinished index blocks, that over the chunks first
	size    uint64
}

// NewTreeBuilder begins a blob whose chunks the named profile cut. put is
// called for each index block, children first and the root last; it owns the
// block. Not safe for concurrent use.
func NewTreeBuilder(profile string, put func(Block) error) *TreeBuilder {
	return &TreeBuilder{profile: profile, put: put}
}

const opBuildBlob = "build blob"

// Add appends a raw block of size bytes, 1 to [MaxRaw]. The caller has stored
// it or will. An error of put is returned as it is and ends the build.
func (t *TreeBuilder) Add(chunk CID, size int) error {
	switch {
	case chunk.Codec != Raw:
		return fault.New(fault.Invalid, opBuildBlob, "", "chunk %s is not a raw block", chunk)
	case size < 1 || size > MaxRaw:
		return fault.New(fault.Invalid, opBuildBlob, "", "a chunk cannot have %d bytes", size)
	case t.size > math.MaxInt64-uint64(size):
		return fault.New(fault.TooLarge, opBuildBlob, "", "the content is longer than 2^63-1 bytes")
	case t.size == 0 && !profileName.MatchString(t.profile):
		return fault.New(fault.Invalid, opBuildBlob, "", "%.80q is not the id of a profile", t.profile)
	}
	t.size += uint64(size)
	return t.push(0, Part{Link: chunk, Size: uint64(size)})
}

// push appends p to a level, whose block it first ends where it is full: only
// now is it known not to be the root.
func (t *TreeBuilder) push(level int, p Part) error {
	if level == len(t.levels) {
		if level == MaxBlobDepth {
			return fault.New(fault.TooLarge, opBuildBlob, "", "the tree is deeper than %d levels", MaxBlobDepth)
		}
		t.levels = append(t.levels, nil)
	}
	if len(t.levels[level]) == MaxFanout {
		if err := t.end(level); err != nil {
			return err
		}
	}
	t.levels[level] = append(t.levels[level], p)
	return nil
}

// end puts a level's unfinished index block and hands it to the level above.
func (t *TreeBuilder) end(level int) error {
	n := indexNode{header: header{version}, Parts: t.levels[level]}
	for _, p := range n.Parts {
		n.Size += p.Size
	}
	b, err := encodeNode(opBuildBlob, n)
	if err != nil {
		return err
	}
	if err := t.put(b); err != nil {
		return err
	}
	t.levels[level] = t.levels[level][:0]
	return t.push(level+1, Part{Link: b.CID, Size: n.Size})
}

// Finish puts the last index blocks and returns the blob. Where there was one
// chunk the root is the chunk; where there was none it is [EmptyBlock], which
// the caller stores. d holds the whole content's hashes (see [Digests]); a
// blake3 of a single chunk is left out, and [fault.Invalid] where it is not
// the root's. The builder is of no use afterwards.
func (t *TreeBuilder) Finish(d Digests) (Blob, error) {
	if err := checkDigests(opBuildBlob, d); err != nil {
		return Blob{}, err
	}
	switch {
	case len(t.levels) == 0:
		return t.single(emptyRoot, d)
	case len(t.levels) == 1 && len(t.levels[0]) == 1:
		return t.single(t.levels[0][0].Link, d)
	}
	for level := 0; level < len(t.levels)-1; level++ {
		if err := t.end(level); err != nil {
			return Blob{}, err
		}
	}
	b, err := encodeNode(opBuildBlob, rootNode{
		header: header{version}, Size: t.size, Profile: t.profile,
		Digests: d, Parts: t.levels[len(t.levels)-1],
	})
	if err != nil {
		return Blob{}, err
	}
	return Blob{Root: b.CID, Size: t.size, Digests: maps.Clone(d)}, t.put(b)
}

func (t *TreeBuilder) single(root CID, d Digests) (Blob, error) {
	if h, ok := d["blake3"]; ok && !bytes.Equal(h, root.Digest[:]) {
		return Blob{}, fault.New(fault.Invalid, opBuildBlob, root.String(), "the blake3 of the content is not that of its only chunk")
	}
	d = maps.Clone(d)
	delete(d, "blake3")
	return Blob{Root: root, Size: t.size, Digests: d}, nil
}

// checkParts holds the parts of a block to what a tree may have: no more than
// [MaxFanout] of one codec, none empty, together size bytes.
func checkParts(op string, c CID, size uint64, parts []Part) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, op, c.String(), format, args...)
	}
	if len(parts) < 1 || len(parts) > MaxFanout || size > math.MaxInt64 {
		return bad("%d parts of %d bytes", len(parts), size)
	}
	left := size
	for _, p := range parts {
		switch {
		case p.Link.Codec != parts[0].Link.Codec:
			return bad("chunks and index blocks are mixed")
		case p.Size < 1 || p.Size > left || p.Link.Codec == Raw && p.Size > MaxRaw:
			return bad("a part cannot have %d bytes", p.Size)
		}
		left -= p.Size
	}
	if left != 0 {
		return bad("the parts have %d bytes less than the %d claimed", left, size)
	}
	return nil
}
