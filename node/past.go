package node

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// State is what the logs come to.
type State = store.State

// State hashes all views: equal wherever the logs are equal.
func (n *Node) State(ctx context.Context) (State, error) { return n.store.State(ctx) }

// RebuildViews throws the views away, makes them anew from the logs, and
// returns what they come to. Cut short, it is completed when the store is next
// opened. Errors are those of [store.Store.Rebuild]. progress may be nil.
func (n *Node) RebuildViews(ctx context.Context, progress func(done, total uint64)) (State, error) {
	if err := n.store.Rebuild(ctx, progress); err != nil {
		return State{}, err
	}
	return n.store.State(ctx)
}

// ListAt is [Node.List] as it was when the namespace's log had so many events.
// prefix must begin with the namespace or be a part of it.
func (n *Node) ListAt(ctx context.Context, namespace string, size uint64, prefix string, fn func(Artifact) error) error {
	past, err := n.store.At(ctx, namespace, size)
	if err != nil {
		return fault.Wrap(fault.Other, "list", prefix, err)
	}
	return fault.Wrap(fault.Other, "list", prefix, past.Artifacts(ctx, prefix, fn))
}

// ShowAt is [Node.Show] as the reference was when its namespace's log had so
// many events. r must name a repository. Errors: [fault.NotFound] also where
// the artifact's bytes have been freed since.
func (n *Node) ShowAt(ctx context.Context, r dag.Reference, size uint64, each func(dag.Descriptor) error) (Description, error) {
	past, err := n.store.At(ctx, r.Namespace(), size)
	if err != nil {
		return Description{}, fault.Wrap(fault.Other, "show", r.String(), err)
	}
	a, err := past.Resolve(ctx, r)
	if err != nil {
		return Description{}, fault.Wrap(fault.Other, "show", r.String(), err)
	}
	d, err := n.describe(ctx, a, each)
	if fault.Is(err, fault.NotFound) {
		err = fault.Hint(err, "it was published then; its bytes may have been freed since")
	}
	return d, fault.Wrap(fault.Other, "show", r.String(), err)
}
