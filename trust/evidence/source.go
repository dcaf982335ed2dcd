package evidence

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
)

// Source is what a package is made from. A namespace of "" is the node's own
// log.
type Source interface {
	// Get returns a block, verified: manifests, pages and chunks.
	Get(ctx context.Context, c dag.CID) (dag.Block, error)
	// Checkpoint returns the newest checkpoint of a log, and that as it was
	// signed. The tiles of that size can be read from then on.
	Checkpoint(ctx context.Context, namespace string) (eventlog.Checkpoint, []byte, error)
	// Entries calls fn for each entry from index from to before to.
	Entries(ctx context.Context, namespace string, from, to uint64, fn func(index uint64, e eventlog.Entry) error) error
	// ReadTile returns the hashes of a tile, of which the log may have more by
	// now: exactly 32 bytes for each of t.Width.
	ReadTile(ctx context.Context, namespace string, t eventlog.Tile) ([]byte, error)
}

// Request says what to export. The indices are positions in the log of the
// reference's namespace.
type Request struct {
	Reference      dag.Reference // by tag, or by digest; with its repository
	Manifest       dag.CID
	Publication    uint64   // index of the event that published the artifact there
	Tag            uint64   // index of the event that set the tag; where Reference has one
	Referrers      []uint64 // indices of the events that attached what signatures and attestations are exported
	WithoutContent bool
}

// tiles are those of one log of a source.
type tiles struct {
	src       Source
	namespace string
}

func (t tiles) ReadTile(ctx context.Context, tile eventlog.Tile) ([]byte, error) {
	return t.src.ReadTile(ctx, t.namespace, tile)
}
