package dag

import (
	"context"

	"github.com/tegwick/artifact-store/dag/fault"
)

// MaxDescriptor is the largest encoded descriptor of a layer.
const MaxDescriptor = 64 << 10

// page refers to a block of layers, or of further pages.
type page struct {
	_     struct{} `cbor:",toarray"`
	Link  CID
	Count uint64 // layers in it and beneath it
	First []byte // path of the first of them; need not be UTF-8
}

// Layers calls fn for each layer in path order, from the first whose path is
// not before from; with from "" for all of them. It reads the pages that it
// needs and no more, and checks their order: what [ManifestBuilder] would not
// have written is [fault.Invalid]. fn may end the walk with [fs.SkipAll].
//
// Whether a layer lies beneath one that is not a directory is known only to a
// walk from "".
func (m *Manifest) Layers(ctx context.Context, g Getter, from string, fn func(Descriptor) error) error {
	return fault.New(fault.Unavailable, "read layers", "", "not yet")
}

// Layer returns the layer at path, or [fault.NotFound]. It reads one page a
// level.
func (m *Manifest) Layer(ctx context.Context, g Getter, path string) (Descriptor, error) {
	return Descriptor{}, fault.New(fault.Unavailable, "read layer", path, "not yet")
}
