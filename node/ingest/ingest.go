// Package ingest is the single write door: it turns files, directories and
// streams into an artifact's blocks in one pass over the input.
//
// A walk finds the files. Small ones are read and hashed by a pool of workers,
// each whole; large ones go one after another through a pipeline, in which
// reading and cutting, the hashing of chunks and the hashing of the whole run
// side by side. Both are bounded: an ingest takes less than 40 MiB and about
// 250 bytes a file, however large the files are. What comes out depends on
// names, contents, permission bits and the request alone: not on the order of
// a directory, on times, owners, scheduling or the machine.
package ingest

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag"
)

// waiting is how many files may wait to be read. Each may hold its directory
// open.
const waiting = 64

// ingest is one run of [Ingest].
type ingest struct {
	req   Request
	sink  Sink
	meter meter
	slabs *slabs        // used by who has the turn
	turn  chan struct{} // holds one token while a large file is read

	newBytes, newChunks atomic.Int64

	mu      sync.Mutex // guards records and skipped
	records []record
	skipped []Skip
}

// Ingest sends all that req names to sink, the manifest last, and returns when
// it is durable. Nothing refers to the manifest yet: publishing it under a name
// is the caller's. What is sent before an error is left to the sink.
//
// The error is [fault.Conflict] where a file changed or vanished while it was
// read, [fault.Denied] or [fault.NotFound] where it could not be, naming it;
// [fault.Invalid] for a request that makes no sense; ctx's cause where ctx
// ended; else what sink said. No goroutine stays behind but a blocked Read of
// req.Stdin.
func Ingest(ctx context.Context, sink Sink, req Request) (Result, error) {
	req, err := req.checked()
	if err != nil {
		return Result{}, err
	}
	in := &ingest{
		req: req, sink: sink, meter: meter{tell: req.Progress},
		slabs: newSlabs(), turn: make(chan struct{}, 1),
	}
	var res Result
	if err = in.run(ctx); err == nil {
		res, err = in.finish(ctx)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return res, err
}

// run keeps all files and records them.
func (in *ingest) run(ctx context.Context) error {
	stop := in.meter.scan(ctx, in.req.Paths)
	defer stop()
	small, large := make(chan file, waiting), make(chan file, waiting)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return (&walk{in, small, large}).run(ctx) })
	g.Go(func() error { return in.worker(ctx, large) })
	for range in.workers() {
		g.Go(func() error { return in.worker(ctx, small) })
	}
	return g.Wait()
}

// workers returns how many small files are read at once: more than there are
// processors, since some wait for the disk.
func (in *ingest) workers() int {
	if in.req.Workers > 0 {
		return in.req.Workers
	}
	return min(2*runtime.GOMAXPROCS(0), MaxWorkers)
}

// put sends a block that is not content.
func (in *ingest) put(ctx context.Context, b dag.Block) error {
	_, err := in.sink.Receive(ctx, b)
	return err
}

func (in *ingest) add(r record) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.records = append(in.records, r)
}

func (in *ingest) skip(path, reason string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.skipped = append(in.skipped, Skip{Path: path, Reason: reason})
}
