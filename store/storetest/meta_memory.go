package storetest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// NewMemory returns a metadata plane in memory: the plainest reading of the
// contract, that other implementations are compared with.
func NewMemory() store.Metadata {
	return &memory{rows: make(map[string]string)}
}

type memory struct {
	mu     sync.RWMutex // guards rows and closed
	rows   map[string]string
	closed bool
}

func (m *memory) check(ctx context.Context, op string) error {
	if ctx.Err() != nil {
		return fault.Wrap(fault.Other, op, "", context.Cause(ctx))
	}
	if m.closed {
		return fault.New(fault.Unavailable, op, "", "it is closed")
	}
	return nil
}

func (m *memory) GetMany(ctx context.Context, keys [][]byte) ([][]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.check(ctx, "read memory"); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	for i, k := range keys {
		if v, ok := m.rows[string(k)]; ok {
			values[i] = []byte(v)
		}
	}
	return values, nil
}

func (m *memory) Commit(ctx context.Context, b store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ctx, "commit memory"); err != nil {
		return err
	}
	for _, r := range b.Require {
		v, ok := m.rows[string(r.Key)]
		if ok != (r.Value != nil) || v != string(r.Value) {
			return fault.New(fault.Conflict, "commit memory", "", "key %q is not as required", r.Key)
		}
	}
	for _, p := range b.Put {
		m.rows[string(p.Key)] = string(p.Value)
	}
	for _, k := range b.Delete {
		delete(m.rows, string(k))
	}
	return nil
}

func (m *memory) Iterate(ctx context.Context, prefix, from []byte, fn func(key, value []byte) error) error {
	m.mu.RLock()
	err := m.check(ctx, "iterate memory")
	snapshot := maps.Clone(m.rows)
	m.mu.RUnlock()
	if err != nil {
		return err
	}
	var key, value []byte // reused, as an engine would: what fn keeps shows
	for _, k := range slices.Sorted(maps.Keys(snapshot)) {
		if !strings.HasPrefix(k, string(prefix)) || k < string(from) {
			continue
		}
		if ctx.Err() != nil {
			return fault.Wrap(fault.Other, "iterate memory", "", context.Cause(ctx))
		}
		key, value = append(key[:0], k...), append(value[:0], snapshot[k]...)
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Dump returns all that m holds, for comparing two states.
func Dump(ctx context.Context, m store.Metadata) ([]store.Pair, error) {
	var all []store.Pair
	err := m.Iterate(ctx, nil, nil, func(k, v []byte) error {
		all = append(all, store.Pair{Key: bytes.Clone(k), Value: append([]byte{}, v...)})
		return nil
	})
	return all, err
}
