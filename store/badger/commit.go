package badger

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	dgraph "github.com/dgraph-io/badger/v4"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// Limits of what commits together: those of one batch, which with Badger's
// overhead of 12 bytes a key stay below its own for a transaction.
const (
	groupOps   = store.MaxBatchOps
	groupBytes = store.MaxBatchBytes
)

// reservedPrefix is of keys that Badger keeps for itself.
var reservedPrefix = []byte("!badger!")

// pending is a batch on its way.
type pending struct {
	batch store.Batch
	done  chan struct{}
	err   error // written before done is closed, read after
}

func (p *pending) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Commit implements [store.Metadata]. Batches that come while another is being
// synced commit together, each by its own requirements, in the order they came.
//
// A ctx that ends before b's turn leaves it undone; from then on Commit waits.
// After an error other than [fault.Conflict], [fault.TooLarge], [fault.Invalid]
// or the end of ctx nothing more is served until the database is reopened.
func (d *DB) Commit(ctx context.Context, b store.Batch) error {
	const op = "commit index"
	if err := checkBatch(b); err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Other, op, "", context.Cause(ctx))
	}
	p := &pending{batch: b, done: make(chan struct{})}
	d.queue.push(p)
	select {
	case <-p.done:
	case d.turn <- struct{}{}:
		for !p.ended() {
			d.commitGroup(d.queue.take())
		}
		<-d.turn
	case <-ctx.Done():
		if d.queue.withdraw(p) {
			return fault.Wrap(fault.Other, op, "", context.Cause(ctx))
		}
		<-p.done
	}
	return p.err
}

func checkBatch(b store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	reserved := func(key []byte) bool { return bytes.HasPrefix(key, reservedPrefix) }
	if slices.ContainsFunc(b.Put, func(p store.Pair) bool { return reserved(p.Key) }) ||
		slices.ContainsFunc(b.Delete, reserved) {
		return fault.New(fault.Invalid, "check metadata batch", "", "a key with the reserved prefix %q", reservedPrefix)
	}
	return nil
}

// commitGroup brings each of group to its end. The turn is held.
func (d *DB) commitGroup(group []*pending) {
	failed := d.commitTogether(group)
	for _, p := range group {
		if failed != nil {
			p.err = failed
		}
		close(p.done)
	}
}

// commitTogether sets the err of those whose requirements are unmet and commits
// the others; its error is that of all.
func (d *DB) commitTogether(group []*pending) error {
	const op = "commit index"
	at, err := d.snapshots.acquire()
	if err != nil {
		return err
	}
	changed, err := d.write(group, at)
	d.snapshots.release(at)
	if err != nil {
		err = fault.Wrap(kindOf(err, fault.Unavailable), op, d.dir, err)
		d.snapshots.fail(fault.New(fault.Unavailable, "use index", d.dir, "it must be opened again after: %w", err))
		return err
	}
	if changed {
		d.db.SetDiscardTs(d.snapshots.advance(at + 1))
	}
	return nil
}

// write applies group to the state at a version, as the version after it, and
// reports whether there was anything to apply.
func (d *DB) write(group []*pending, at uint64) (changed bool, err error) {
	txn := d.db.NewTransactionAt(at, true)
	defer txn.Discard()
	for _, p := range group {
		switch err := require(txn, p.batch.Require); {
		case fault.Is(err, fault.Conflict):
			p.err = err
			continue
		case err != nil:
			return false, err
		}
		if err := apply(txn, p.batch); err != nil {
			return false, err
		}
		changed = changed || len(p.batch.Put)+len(p.batch.Delete) > 0
	}
	if !changed {
		return false, nil
	}
	if err := txn.CommitAt(at+1, nil); err != nil {
		return false, err
	}
	return true, d.wal.syncIfRotated()
}

func require(txn *dgraph.Txn, rs []store.Require) error {
	for _, r := range rs {
		item, err := txn.Get(r.Key)
		absent := errors.Is(err, dgraph.ErrKeyNotFound)
		if err != nil && !absent {
			return err
		}
		held := absent && r.Value == nil
		if !absent && r.Value != nil {
			if err := item.Value(func(v []byte) error { held = bytes.Equal(v, r.Value); return nil }); err != nil {
				return err
			}
		}
		if !held {
			return fault.New(fault.Conflict, "commit index", "", "key %q is not as required", r.Key)
		}
	}
	return nil
}

func apply(txn *dgraph.Txn, b store.Batch) error {
	for _, p := range b.Put {
		if err := txn.Set(p.Key, p.Value); err != nil {
			return err
		}
	}
	for _, k := range b.Delete {
		if err := txn.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// queue holds batches in the order they came.
type queue struct {
	mu      sync.Mutex // guards waiting
	waiting []*pending
}

func (q *queue) push(p *pending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, p)
}

// take removes as many from the front as may commit together, at least one.
func (q *queue) take() []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	ops, size, n := 0, 0, 0
	for _, p := range q.waiting {
		for _, w := range p.batch.Put {
			size += len(w.Key) + len(w.Value)
		}
		for _, k := range p.batch.Delete {
			size += len(k)
		}
		ops += len(p.batch.Put) + len(p.batch.Delete)
		if n > 0 && (ops > groupOps || size > groupBytes) {
			break
		}
		n++
	}
	group := q.waiting[:n:n]
	q.waiting = slices.Clone(q.waiting[n:])
	return group
}

// withdraw removes p and reports whether it was still there.
func (q *queue) withdraw(p *pending) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, p)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}
