package dag

import (
	"context"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Getter is where blocks are read from. Get returns the block with CID c,
// verified; [fault.NotFound] where it is not there.
type Getter interface {
	Get(ctx context.Context, c CID) (Block, error)
}

// BlobReader reads a blob by its tree, a path at a time. It holds the root
// block only, and is safe for concurrent use where its Getter is.
type BlobReader struct {
	size    uint64
	profile string
	digests Digests
	seal    RawCBOR
}

// OpenBlob reads the root block of a blob. A root that is not well formed is
// [fault.Invalid].
func OpenBlob(ctx context.Context, g Getter, root CID) (*BlobReader, error) {
	return nil, fault.New(fault.Unavailable, "open blob", root.String(), "not yet")
}

// Size returns the bytes of content. It fits an int64.
func (r *BlobReader) Size() int64 { return int64(r.size) }

// Profile returns the id of the chunking profile, "" of a single chunk. It
// need not be known here.
func (r *BlobReader) Profile() string { return r.profile }

// Digests returns the whole-content hashes that the root records. It records
// none of a single chunk.
func (r *BlobReader) Digests() Digests { return r.digests }

// Seal returns how the content is sealed, nil where it is not.
func (r *BlobReader) Seal() RawCBOR { return r.seal }

// Chunks calls fn for each chunk in order, from the one that holds the byte at
// offset from, without reading the chunks. It reads the index blocks that it
// needs and no more, and checks each: a tree that is not the one that
// [TreeBuilder] makes is [fault.Invalid]. fn may end the walk with
// [fs.SkipAll]. No chunk is at or after [BlobReader.Size].
func (r *BlobReader) Chunks(ctx context.Context, from int64, fn func(offset int64, c CID, size int) error) error {
	return fault.New(fault.Unavailable, "walk blob", "", "not yet")
}

// ReadAt fills p with the content at off, as [io.ReaderAt] does: fewer bytes
// come with [io.EOF] or another error. It reads the chunks that p needs. A
// chunk whose length is not what the tree says is [fault.Invalid], and so is
// sealed content, which cannot be opened here.
func (r *BlobReader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	return 0, fault.New(fault.Unavailable, "read blob", "", "not yet")
}
