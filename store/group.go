package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/store/pack"
)

// group is a batch of records that become durable by one write and one sync.
// Until it is sent off it is guarded by appender.mu; then it belongs to the
// writer, then to the indexer.
type group struct {
	batch   *pack.Batch
	entries []groupEntry
	views   Batch // rows of logs and views that commit with the index entries

	locations []pack.Location // of the entries, once written
	segment   uint64
	row       segmentRow // the segment's state with the group in it

	durable outcome // the bytes are on disk
	indexed outcome // the index has them too
}

// groupEntry is one record of a group.
type groupEntry struct {
	id          blockID
	typ         pack.RecordType
	compression pack.Compression
	plain       uint32
	moved       *pack.Location // set for a copy by compaction: where the block was
}

// blockID is a block in a deduplication domain.
type blockID struct {
	domain uint32
	digest dag.Digest
}

// outcome is the end of something, to be waited for.
type outcome struct {
	done chan struct{}
	err  error // written before done is closed, read after
}

func newOutcome() outcome { return outcome{done: make(chan struct{})} }

func (o *outcome) end(err error) {
	o.err = err
	close(o.done)
}

// failure is the error that it ended with; nil where it has not, or without one.
func (o *outcome) failure() error {
	select {
	case <-o.done:
		return o.err
	default:
		return nil
	}
}

// succeeded reports whether it has ended without an error.
func (o *outcome) succeeded() bool {
	select {
	case <-o.done:
		return o.err == nil
	default:
		return false
	}
}

// wait returns how it ended. It gives up when ctx or the store ends first.
func (o *outcome) wait(ctx context.Context, stopped <-chan struct{}) error {
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-stopped:
	}
	select { // it may have been the last that was done
	case <-o.done:
		return o.err
	default:
		return errStopped("write block")
	}
}
