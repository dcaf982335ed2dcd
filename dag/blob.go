package dag

import (
	"crypto/sha256"

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

// EmptyBlob returns the blob of no bytes. Its root is [EmptyBlock], which
// whoever uses it must store.
func EmptyBlob() Blob {
	sum := sha256.Sum256(nil)
	return Blob{Root: EmptyBlock().CID, Digests: Digests{"sha256": sum[:]}}
}

// EmptyBlock returns the raw block of no bytes.
func EmptyBlock() Block { return NewBlock(Raw, nil) }

// TreeBuilder turns chunks, given in order, into the one tree that there is
// for them. It holds at most one unfinished index block a level.
type TreeBuilder struct {
	profile string
	put     func(Block) error
}

// NewTreeBuilder begins a blob whose chunks the named profile cut. put is
// called for each index block, children first and the root last; it owns the
// block. Not safe for concurrent use.
func NewTreeBuilder(profile string, put func(Block) error) *TreeBuilder {
	return &TreeBuilder{profile: profile, put: put}
}

// Add appends a raw block of size bytes, 1 to [MaxRaw]. The caller has stored
// it or will. An error of put is returned as it is and ends the build.
func (t *TreeBuilder) Add(chunk CID, size int) error {
	return fault.New(fault.Unavailable, "build blob", "", "not yet")
}

// Finish puts the last index blocks and returns the blob. Where there was one
// chunk the root is the chunk; where there was none it is [EmptyBlock], which
// the caller stores. d holds the whole content's hashes (see [Digests]); a
// blake3 of a single chunk that is not its root is [fault.Invalid].
func (t *TreeBuilder) Finish(d Digests) (Blob, error) {
	return Blob{}, fault.New(fault.Unavailable, "build blob", "", "not yet")
}
