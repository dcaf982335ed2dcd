package store

import (
	"context"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Past is what a namespace held after so many events of its log. It is in
// memory, and may be read for ever.
type Past struct {
	catalog
	// Log is the log as it was, without a checkpoint.
	Log Log
}

// At replays the first size events of a namespace's log. Errors:
// [fault.NotFound] where the log is shorter or not there.
func (s *Store) At(ctx context.Context, namespace string, size uint64) (*Past, error) {
	l, err := s.Log(ctx, namespace)
	if err != nil {
		return nil, err
	}
	if size > l.Size {
		return nil, fault.New(fault.NotFound, "read the past", l.Origin, "the log has %d events, not %d", l.Size, size)
	}
	v := blankView(rowMap{})
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		return nil, err
	}
	err = s.Entries(ctx, namespace, 0, size, func(index uint64, entry eventlog.Entry) error {
		tree.Append(entry.Hash())
		opened, err := entry.Open()
		if err != nil {
			return err
		}
		err = apply(ctx, v, event{Namespace: namespace, Index: index, Event: opened})
		v.keep()
		return err
	})
	if err != nil {
		return nil, err
	}
	rows := rowMap{rows: v.rows}
	maps.DeleteFunc(rows.rows, func(_ string, value []byte) bool { return value == nil })
	rows.keys = slices.Sorted(maps.Keys(rows.rows))
	settled := func() (uint64, error) { return 0, nil }
	return &Past{
		catalog: catalog{meta: rows, settled: settled},
		Log:     Log{Origin: l.Origin, Namespace: namespace, Size: size, Root: tree.Root()},
	}, nil
}

// rowMap is a metadata plane that does not change.
type rowMap struct {
	keys []string // sorted
	rows map[string][]byte
}

// GetMany implements [Metadata].
func (m rowMap) GetMany(_ context.Context, keys [][]byte) ([][]byte, error) {
	values := make([][]byte, len(keys))
	for i, k := range keys {
		values[i] = slices.Clone(m.rows[string(k)])
	}
	return values, nil
}

// Iterate implements [Metadata].
func (m rowMap) Iterate(ctx context.Context, prefix, from []byte, fn func(key, value []byte) error) error {
	first := max(string(prefix), string(from))
	for _, k := range m.keys[sort.SearchStrings(m.keys, first):] {
		if !strings.HasPrefix(k, string(prefix)) {
			return nil
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := fn([]byte(k), m.rows[k]); err != nil {
			return err
		}
	}
	return nil
}

// Commit implements [Metadata]: the past takes nothing.
func (rowMap) Commit(context.Context, Batch) error {
	return fault.New(fault.Denied, "commit", "", "the past cannot be changed")
}

// Close implements [Metadata].
func (rowMap) Close() error { return nil }
