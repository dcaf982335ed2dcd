package node

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// lookBack is how many events are read at a time on the way back in a log.
const lookBack = 1024

// previous returns the digest of what a tag names, or named before it named
// digest; "" where there was nothing. It reads the log of the namespace back to
// where that was, and all of it where it was nowhere.
func (n *Node) previous(ctx context.Context, name dag.Reference, digest dag.Digest) (string, error) {
	l, err := n.store.Log(ctx, name.Namespace())
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	h := history{name: name, digest: digest, removed: make(map[dag.Digest]bool)}
	for to := l.Size; to > 0 && !h.ended; {
		from := max(to, lookBack) - lookBack
		wave := make([]eventlog.Entry, 0, to-from)
		err := n.store.Entries(ctx, name.Namespace(), from, to, func(_ uint64, e eventlog.Entry) error {
			wave = append(wave, e)
			return nil
		})
		if err != nil {
			return "", err
		}
		for i := len(wave) - 1; i >= 0 && !h.ended; i-- {
			e, err := wave[i].Open()
			if err != nil {
				return "", err
			}
			h.back(e)
		}
		to = from
	}
	return h.previous, nil
}

// history is a walk back through what a tag has named.
type history struct {
	name    dag.Reference
	digest  dag.Digest          // what the walk looks behind
	removed map[dag.Digest]bool // artifacts that left the repository later

	ended    bool
	previous string
}

// back takes in the event before those that it has seen.
func (h *history) back(e eventlog.Event) {
	p := e.Payload
	if e.Erased || p.Repository != h.name.Repository {
		return
	}
	switch {
	case e.Kind == eventlog.ArtifactRemoved:
		h.removed[p.Manifest.Digest] = true
	case p.Tag != h.name.Tag:
	case e.Kind == eventlog.TagRemoved, h.removed[p.Manifest.Digest]:
		h.ended = true
	case p.Manifest.Digest != h.digest:
		h.ended, h.previous = true, p.Manifest.Digest.String()
	}
}
