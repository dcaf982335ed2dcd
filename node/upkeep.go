package node

import (
	"context"
	"time"

	"github.com/tegwick/artifact-store/store"
)

// CollectRequest says how to free space; see [store.CollectOptions].
type CollectRequest struct {
	Grace       time.Duration
	Dead        float64
	Compression string // of what is moved: "none" (or ""), "s2" or "zstd"
	Rate        int64  // bytes a second; 0 is no bound
	DryRun      bool
	Progress    func(done, total int)
}

// DefaultDead is what stands for a CollectRequest.Dead of 0.
const DefaultDead = store.DefaultDead

// Collected tells what a collection did or would do.
type Collected = store.Collected

// Collect frees the space of what no artifact needs. It runs beside reading
// and writing. Errors are those of [store.Store.Collect].
func (n *Node) Collect(ctx context.Context, req CollectRequest) (Collected, error) {
	compression, err := parseCompression(req.Compression)
	if err != nil {
		return Collected{}, err
	}
	defer n.home.Freeing()()
	return n.store.Collect(ctx, store.CollectOptions{
		Grace: req.Grace, Dead: req.Dead, Compression: compression,
		Rate: req.Rate, DryRun: req.DryRun, Progress: req.Progress,
	})
}

// FsckReport is what [Node.Fsck] found.
type FsckReport = store.FsckReport

// FsckProblem is one thing that [Node.Fsck] found.
type FsckProblem = store.Problem

// Fsck reads every byte of the store. Where anything is wrong the error is
// [fault.Corrupt] and the report lists it. progress may be nil; it is told
// bytes.
func (n *Node) Fsck(ctx context.Context, progress func(done, total int64)) (FsckReport, error) {
	return n.store.Fsck(ctx, progress)
}

// Stats counts what a node holds.
type Stats struct {
	store.Stats
	FreeBytes uint64 // on the file system, for this user
}

// Stats counts. It reads the whole index.
func (n *Node) Stats(ctx context.Context) (Stats, error) {
	st, err := n.store.Stats(ctx)
	if err != nil {
		return Stats{}, err
	}
	free, err := n.home.Free()
	return Stats{Stats: st, FreeBytes: free}, err
}
