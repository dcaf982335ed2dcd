package badger

import (
	"bytes"
	"context"
	"errors"

	dgraph "github.com/dgraph-io/badger/v4"

	"github.com/tegwick/artifact-store/dag/fault"
)

// GetMany implements [store.Metadata]; all keys are read from one snapshot.
func (d *DB) GetMany(ctx context.Context, keys [][]byte) ([][]byte, error) {
	const op = "read index"
	at, err := d.snapshots.acquire()
	if err != nil {
		return nil, err
	}
	defer d.snapshots.release(at)
	txn := d.db.NewTransactionAt(at, false)
	defer txn.Discard()

	values := make([][]byte, len(keys))
	for i, key := range keys {
		if ctx.Err() != nil {
			return nil, fault.Wrap(fault.Other, op, "", context.Cause(ctx))
		}
		if len(key) == 0 {
			continue // no batch can have put it
		}
		if values[i], err = get(txn, key); err != nil {
			return nil, fault.Wrap(kindOf(err, fault.Corrupt), op, d.dir, err)
		}
	}
	return values, nil
}

// get returns a copy of a key's value, nil where it is absent.
func get(txn *dgraph.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, dgraph.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return item.ValueCopy([]byte{}) // an empty value is not nil
}

// Iterate implements [store.Metadata]. It holds two entries and a block of each
// table that it passes through, however many keys there are.
func (d *DB) Iterate(ctx context.Context, prefix, from []byte, fn func(key, value []byte) error) error {
	const op = "iterate index"
	at, err := d.snapshots.acquire()
	if err != nil {
		return err
	}
	defer d.snapshots.release(at)
	txn := d.db.NewTransactionAt(at, false)
	defer txn.Discard()
	// Values stand beside their keys: to prefetch them would be a goroutine each.
	it := txn.NewIterator(dgraph.IteratorOptions{Prefix: prefix})
	defer it.Close()

	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	for it.Seek(from); it.Valid(); it.Next() {
		if ctx.Err() != nil {
			return fault.Wrap(fault.Other, op, "", context.Cause(ctx))
		}
		item := it.Item()
		var stop error
		err := item.Value(func(v []byte) error { stop = fn(item.Key(), v); return nil })
		if stop != nil {
			return stop
		}
		if err != nil {
			return fault.Wrap(kindOf(err, fault.Corrupt), op, d.dir, err)
		}
	}
	return nil
}
