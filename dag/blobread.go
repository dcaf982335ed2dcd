package dag

import (
	"context"
	"errors"
	"io"
	"io/fs"

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
	get     Getter
	size    uint64
	profile string
	digests Digests
	seal    RawCBOR
	parts   []Part
	single  Block // the chunk where it is the root
}

const (
	opOpenBlob = "open blob"
	opReadBlob = "read blob"
)

// OpenBlob reads the root block of a blob. A root that is not well formed is
// [fault.Invalid].
func OpenBlob(ctx context.Context, g Getter, root CID) (*BlobReader, error) {
	b, err := fetch(ctx, g, root)
	if err != nil {
		return nil, fault.Wrap(fault.Other, opOpenBlob, root.String(), err)
	}
	if root.Codec == Raw {
		return openSingle(g, b)
	}
	var n rootNode
	if err := decodeNode(opOpenBlob, b, &n); err != nil {
		return nil, err
	}
	switch {
	case !profileName.MatchString(n.Profile):
		return nil, fault.New(fault.Invalid, opOpenBlob, root.String(), "%.80q is not the id of a profile", n.Profile)
	case n.Seal != nil && !n.Seal.isMap():
		return nil, fault.New(fault.Invalid, opOpenBlob, root.String(), "the seal is not a map")
	case len(n.Parts) == 1:
		return nil, fault.New(fault.Invalid, opOpenBlob, root.String(), "the root has one part, which would be the root itself")
	}
	if err := checkParts(opOpenBlob, root, n.Size, n.Parts); err != nil {
		return nil, err
	}
	if err := checkDigests(opOpenBlob, n.Digests); err != nil {
		return nil, err
	}
	return &BlobReader{get: g, size: n.Size, profile: n.Profile, digests: n.Digests, seal: n.Seal, parts: n.Parts}, nil
}

func openSingle(g Getter, b Block) (*BlobReader, error) {
	r := &BlobReader{get: g, size: uint64(len(b.Data)), single: b}
	if len(b.Data) > MaxRaw {
		return nil, fault.New(fault.TooLarge, opOpenBlob, b.CID.String(), "a raw block of %d bytes", len(b.Data))
	}
	if len(b.Data) > 0 {
		r.parts = []Part{{Link: b.CID, Size: r.size}}
	}
	return r, nil
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
	if from < 0 {
		return fault.New(fault.Invalid, opReadBlob, "", "offset %d is negative", from)
	}
	w := treeWalk{get: r.get, from: uint64(from), fn: fn}
	err := w.walk(ctx, r.parts, 0, 1, true)
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

// ReadAt fills p with the content at off, as [io.ReaderAt] does: fewer bytes
// come with [io.EOF] or another error. It reads the chunks that p needs. A
// chunk whose length is not what the tree says is [fault.Invalid], and so is
// sealed content, which cannot be opened here.
func (r *BlobReader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if r.seal != nil {
		return 0, fault.New(fault.Invalid, opReadBlob, "", "the content is sealed in a way unknown to this version")
	}
	if len(p) == 0 {
		return 0, nil
	}
	n := 0
	err := r.Chunks(ctx, off, func(start int64, c CID, size int) error {
		data, err := r.chunk(ctx, c, size)
		if err != nil {
			return err
		}
		n += copy(p[n:], data[off+int64(n)-start:])
		if n == len(p) {
			return fs.SkipAll
		}
		return nil
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (r *BlobReader) chunk(ctx context.Context, c CID, size int) ([]byte, error) {
	if c == r.single.CID {
		return r.single.Data, nil
	}
	b, err := fetch(ctx, r.get, c)
	if err != nil {
		return nil, fault.Wrap(fault.Other, opReadBlob, c.String(), err)
	}
	if len(b.Data) != size {
		return nil, fault.New(fault.Invalid, opReadBlob, c.String(), "the chunk has %d bytes where its tree says %d", len(b.Data), size)
	}
	return b.Data, nil
}

// treeWalk is one walk over a tree's chunks.
type treeWalk struct {
	get    Getter
	from   uint64
	fn     func(offset int64, c CID, size int) error
	bottom int // depth of the chunks; 0 until the first is met
}

// walk goes through the parts of a block at depth, whose content begins at
// offset. edge says that nothing of the blob follows the block.
func (w *treeWalk) walk(ctx context.Context, parts []Part, offset uint64, depth int, edge bool) error {
	for i, p := range parts {
		if offset+p.Size > w.from {
			if err := w.part(ctx, p, offset, depth, edge && i == len(parts)-1); err != nil {
				return err
			}
		}
		offset += p.Size
	}
	return nil
}

func (w *treeWalk) part(ctx context.Context, p Part, offset uint64, depth int, edge bool) error {
	if p.Link.Codec == Raw {
		if w.bottom == 0 {
			w.bottom = depth
		}
		if w.bottom != depth {
			return fault.New(fault.Invalid, opReadBlob, p.Link.String(), "the chunks are not all at one depth")
		}
		return w.fn(int64(offset), p.Link, int(p.Size))
	}
	if depth == MaxBlobDepth {
		return fault.New(fault.TooLarge, opReadBlob, p.Link.String(), "the tree is deeper than %d levels", MaxBlobDepth)
	}
	n, err := w.index(ctx, p)
	if err != nil {
		return err
	}
	if !edge && len(n.Parts) != MaxFanout {
		return fault.New(fault.Invalid, opReadBlob, p.Link.String(), "an index block that is not the last has %d parts, not %d", len(n.Parts), MaxFanout)
	}
	return w.walk(ctx, n.Parts, offset, depth+1, edge)
}

// index reads the index block that p is.
func (w *treeWalk) index(ctx context.Context, p Part) (indexNode, error) {
	var n indexNode
	b, err := fetch(ctx, w.get, p.Link)
	if err != nil {
		return n, fault.Wrap(fault.Other, opReadBlob, p.Link.String(), err)
	}
	if err := decodeNode(opReadBlob, b, &n); err != nil {
		return n, err
	}
	if n.Size != p.Size {
		return n, fault.New(fault.Invalid, opReadBlob, p.Link.String(), "an index block of %d bytes where %d are expected", n.Size, p.Size)
	}
	return n, checkParts(opReadBlob, p.Link, n.Size, n.Parts)
}
