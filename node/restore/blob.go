package restore

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// blob is the content of one layer: a tree of chunks, or a chunk alone.
type blob struct {
	root   dag.CID
	size   int64
	sealed bool            // its chunks are ciphertext
	tree   *dag.BlobReader // nil where the blob is one chunk, or empty
}

// open reads the root of d's tree. Of a blob that is one chunk nothing is read.
func (f *fetcher) open(ctx context.Context, d dag.Descriptor) (blob, error) {
	b := blob{root: d.Root, size: int64(d.Size), sealed: len(d.Seal) > 0}
	if d.Root.Codec == dag.Raw {
		return b, nil
	}
	tree, err := dag.OpenBlob(ctx, f.g, d.Root)
	if err != nil {
		return b, err
	}
	if tree.Size() != b.size {
		return b, fault.New(fault.Corrupt, "open blob", d.Root.String(), "it holds %d bytes where the manifest says %d", tree.Size(), b.size)
	}
	b.tree = tree
	b.sealed = b.sealed || len(tree.Seal()) > 0
	return b, nil
}

// chunks calls fn with each chunk of b from the one that holds offset from,
// none longer than [dag.MaxRaw]. fn may end the walk with [fs.SkipAll].
func (b blob) chunks(ctx context.Context, from int64, fn func(off int64, c dag.CID, size int) error) error {
	if from >= b.size {
		return nil
	}
	if b.tree != nil {
		return b.tree.Chunks(ctx, from, fn)
	}
	if err := fn(0, b.root, int(b.size)); !errors.Is(err, fs.SkipAll) {
		return err
	}
	return nil
}

// sealed is the error for content that is ciphertext.
func sealed(root dag.CID) error {
	return fault.New(fault.Denied, "open blob", root.String(), "sealed: this version cannot open it")
}
