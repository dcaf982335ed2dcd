package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// view is the derived state as an event sees it: the rows of the metadata with
// those that were changed since laid over them. One view takes many events,
// which then commit together.
type view struct {
	meta Metadata
	rows map[string][]byte // nil: deleted
	// seen is what meta held, as far as it was asked: nobody else changes it.
	seen map[string][]byte
	mark Mark // of the last event
	logs map[string]*openLog

	// What rows held at the last keep, where they have changed since.
	before map[string]oldRow
	// changed is the size of what has changed since, in bytes.
	changed int
}

// oldRow is what a view held for a key; had is false where it held nothing.
type oldRow struct {
	value []byte
	had   bool
}

// newView starts from what the metadata holds now. Whoever uses it is the only
// writer of logs and views until it is committed.
func newView(ctx context.Context, m Metadata) (*view, error) {
	v := blankView(m)
	b, err := v.get(ctx, keySequence)
	if err != nil {
		return nil, err
	}
	v.mark, err = decodeMark(b)
	return v, err
}

func blankView(m Metadata) *view {
	return &view{
		meta: m, rows: make(map[string][]byte), seen: make(map[string][]byte), logs: make(map[string]*openLog), before: make(map[string]oldRow),
	}
}

func (v *view) get(ctx context.Context, key []byte) ([]byte, error) {
	if b, ok := v.rows[string(key)]; ok {
		return b, nil
	}
	if b, ok := v.seen[string(key)]; ok {
		return b, nil
	}
	got, err := v.meta.GetMany(ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	v.seen[string(key)] = got[0]
	return got[0], nil
}

// load reads a row and reports whether it is there.
func (v *view) load(ctx context.Context, key []byte, row any) (bool, error) {
	b, err := v.get(ctx, key)
	if err != nil || b == nil {
		return false, err
	}
	return true, decodeRow(b, row)
}

// list returns the rows whose keys have prefix, by what follows it.
func (v *view) list(ctx context.Context, prefix []byte) (map[string][]byte, error) {
	found := make(map[string][]byte)
	err := v.meta.Iterate(ctx, prefix, nil, func(k, value []byte) error {
		found[string(k[len(prefix):])] = slices.Clone(value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for k, value := range v.rows {
		rest, ok := strings.CutPrefix(k, string(prefix))
		switch {
		case ok && value == nil:
			delete(found, rest)
		case ok:
			found[rest] = value
		}
	}
	return found, nil
}

func (v *view) set(key, value []byte) {
	k := string(key)
	if _, changed := v.before[k]; !changed {
		old, had := v.rows[k]
		v.before[k] = oldRow{old, had}
	}
	v.rows[k] = value
	v.changed += len(key) + len(value)
}

func (v *view) put(key []byte, row any) error {
	b, err := dagcbor.Marshal(row)
	if err != nil {
		return fault.Wrap(fault.Other, "encode row", "", err)
	}
	v.set(key, b)
	return nil
}

// keep makes what was changed stand.
func (v *view) keep() {
	clear(v.before)
	v.changed = 0
}

// undo takes back what was changed since the last keep.
func (v *view) undo() {
	for k, old := range v.before {
		if old.had {
			v.rows[k] = old.value
		} else {
			delete(v.rows, k)
		}
	}
	v.keep()
}

// all returns every row that was changed, by key.
func (v *view) all() (b Batch) {
	for _, k := range slices.Sorted(maps.Keys(v.rows)) {
		if value := v.rows[k]; value != nil {
			b.Put = append(b.Put, Pair{Key: []byte(k), Value: value})
		} else {
			b.Delete = append(b.Delete, []byte(k))
		}
	}
	return b
}
