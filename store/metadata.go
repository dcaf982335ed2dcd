// Package store makes artifacts permanent: blocks in packs, what names them in
// a transactional index, and one guard before everything that destroys.
package store

import "context"

// Limits of one [Batch]: what every engine must be able to commit at once.
const (
	MaxBatchOps   = 8192
	MaxBatchBytes = 1 << 20
	// MaxMetaValue is the largest value of a key: bulk bytes go to the packs.
	MaxMetaValue = 32 << 10
)

// Metadata is the transactional plane: an ordered map with atomic commits.
// What it holds can be rebuilt from the packs.
type Metadata interface {
	// GetMany returns the value of each key, nil where the key is absent. The
	// values are the caller's own.
	GetMany(ctx context.Context, keys [][]byte) ([][]byte, error)
	// Commit applies all of b or nothing, and returns when it is durable. An
	// unmet requirement is [fault.Conflict]; a batch over the limits is
	// [fault.TooLarge]. After any other error it is unknown whether b holds.
	Commit(ctx context.Context, b Batch) error
	// Iterate calls fn for each key that has prefix and is not below from, in
	// ascending order, over a snapshot. The slices are valid during the call
	// only. It stops at fn's first error and returns it.
	Iterate(ctx context.Context, prefix, from []byte, fn func(key, value []byte) error) error
	// Close releases the engine. What was committed stays.
	Close() error
}

// Batch is a set of changes that become visible together.
type Batch struct {
	Require []Require // preconditions, checked against the state before the batch
	Put     []Pair
	Delete  [][]byte
}

// Pair is a key and its value.
type Pair struct{ Key, Value []byte }

// Require is a precondition: Key holds exactly Value, or is absent where
// Value is nil.
type Require struct{ Key, Value []byte }
