package store

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// view is the derived state as a change sees it: the rows of the metadata with
// those that were changed since laid over them. One view takes a batch of
// changes, which then commit together.
type view struct {
	meta    Metadata
	rows    map[string][]byte // nil: deleted
	nextSeq uint64

	// What rows and nextSeq were at the last take, where they have changed.
	before    map[string]oldRow
	beforeSeq uint64
}

// oldRow is what a view held for a key; had is false where it held nothing.
type oldRow struct {
	value []byte
	had   bool
}

// newView starts from what the metadata holds now. Whoever uses it is the only
// writer of references until it is committed.
func newView(ctx context.Context, m Metadata) (*view, error) {
	v := &view{meta: m, rows: make(map[string][]byte), before: make(map[string]oldRow)}
	b, err := v.get(ctx, keySequence)
	if err != nil {
		return nil, err
	}
	if b != nil {
		if len(b) != 8 {
			return nil, fault.New(fault.Corrupt, "read index", "", "the sequence is of %d bytes", len(b))
		}
		v.nextSeq = binary.BigEndian.Uint64(b)
	}
	v.nextSeq++
	v.beforeSeq = v.nextSeq
	return v, nil
}

func (v *view) get(ctx context.Context, key []byte) ([]byte, error) {
	if b, ok := v.rows[string(key)]; ok {
		return b, nil
	}
	got, err := v.meta.GetMany(ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	return got[0], nil
}

func (v *view) set(key, value []byte) {
	k := string(key)
	if _, changed := v.before[k]; !changed {
		old, had := v.rows[k]
		v.before[k] = oldRow{old, had}
	}
	v.rows[k] = value
}

func (v *view) put(key []byte, row any) error {
	b, err := dagcbor.Marshal(row)
	if err != nil {
		return fault.Wrap(fault.Other, "encode row", "", err)
	}
	v.set(key, b)
	return nil
}

// take returns the rows that were changed since it was last called.
func (v *view) take() Batch {
	b := v.batch(slices.Sorted(maps.Keys(v.before)))
	v.before, v.beforeSeq = make(map[string]oldRow), v.nextSeq
	return b
}

// all returns every row that was changed.
func (v *view) all() Batch { return v.batch(slices.Sorted(maps.Keys(v.rows))) }

func (v *view) batch(keys []string) (b Batch) {
	for _, k := range keys {
		if value := v.rows[k]; value != nil {
			b.Put = append(b.Put, Pair{Key: []byte(k), Value: value})
		} else {
			b.Delete = append(b.Delete, []byte(k))
		}
	}
	return b
}

// pass goes on behind the change number seq without it.
func (v *view) pass(seq uint64) {
	v.nextSeq = seq + 1
	v.set(keySequence, binary.BigEndian.AppendUint64(nil, seq))
	v.take()
}

// undo takes back what was changed since the last take.
func (v *view) undo() {
	for k, old := range v.before {
		if old.had {
			v.rows[k] = old.value
		} else {
			delete(v.rows, k)
		}
	}
	v.before, v.nextSeq = make(map[string]oldRow), v.beforeSeq
}

// apply changes v as c says. It is the only function that makes views, for
// what happens now and for what is replayed alike. What it refuses leaves v as
// it was at the last take.
func apply(ctx context.Context, v *view, c change) error {
	if c.Sequence != v.nextSeq {
		return fault.New(fault.Corrupt, "apply reference change", c.Repository, "it is number %d where %d is due", c.Sequence, v.nextSeq)
	}
	var err error
	switch c.Op {
	case opPublish:
		err = applyPublish(ctx, v, c)
	case opTag:
		err = applyTag(ctx, v, c)
	case opUntag:
		err = applyUntag(ctx, v, c)
	case opRemove:
		err = applyRemove(ctx, v, c)
	default:
		err = fault.New(fault.Invalid, "apply reference change", string(c.Op), "unknown operation")
	}
	if err != nil {
		v.undo()
		return err
	}
	v.nextSeq++
	v.set(keySequence, binary.BigEndian.AppendUint64(nil, c.Sequence))
	return nil
}

func applyPublish(ctx context.Context, v *view, c change) error {
	key := artifactKey(c.Repository, c.Manifest.Digest)
	had, err := v.get(ctx, key)
	if err != nil {
		return err
	}
	if had == nil { // else it was published when it first was
		row := artifactRow{Manifest: *c.Manifest, Sequence: c.Sequence, Time: c.Time}
		if err := v.put(key, row); err != nil {
			return err
		}
	}
	v.set(ownerKey(c.Manifest.Digest, c.Repository), present)
	if c.Tag == "" {
		return nil
	}
	return v.setTag(ctx, c)
}

func applyTag(ctx context.Context, v *view, c change) error {
	if b, err := v.get(ctx, artifactKey(c.Repository, c.Manifest.Digest)); err != nil {
		return err
	} else if b == nil {
		return fault.New(fault.NotFound, "tag", c.Repository+"@"+c.Manifest.Digest.String(), "the repository has no such artifact")
	}
	return v.setTag(ctx, c)
}

func applyUntag(ctx context.Context, v *view, c change) error {
	had, err := v.dropTag(ctx, c.Repository, c.Tag)
	if err == nil && !had {
		err = fault.New(fault.NotFound, "remove tag", c.Repository+":"+c.Tag, "there is no such tag")
	}
	return err
}

func applyRemove(ctx context.Context, v *view, c change) error {
	key := artifactKey(c.Repository, c.Manifest.Digest)
	if b, err := v.get(ctx, key); err != nil {
		return err
	} else if b == nil {
		return fault.New(fault.NotFound, "remove artifact", c.Repository+"@"+c.Manifest.Digest.String(), "the repository has no such artifact")
	}
	tags, err := v.tagsOf(ctx, c.Repository, c.Manifest.Digest)
	if err != nil {
		return err
	}
	for _, t := range tags {
		if _, err := v.dropTag(ctx, c.Repository, t); err != nil {
			return err
		}
		v.set(nameKey(c.Repository, c.Manifest.Digest, t), nil)
	}
	v.set(key, nil)
	v.set(ownerKey(c.Manifest.Digest, c.Repository), nil)
	return nil
}

// present is the value of a key that says all by being there.
var present = []byte{1}

func (v *view) setTag(ctx context.Context, c change) error {
	if _, err := v.dropTag(ctx, c.Repository, c.Tag); err != nil {
		return err
	}
	v.set(nameKey(c.Repository, c.Manifest.Digest, c.Tag), present)
	return v.put(tagKey(c.Repository, c.Tag), tagRow{Manifest: *c.Manifest, Sequence: c.Sequence, Time: c.Time})
}

// dropTag removes a tag and reports whether it was there.
func (v *view) dropTag(ctx context.Context, repository, tag string) (bool, error) {
	key := tagKey(repository, tag)
	b, err := v.get(ctx, key)
	if err != nil || b == nil {
		return false, err
	}
	var row tagRow
	if err := decodeRow(b, &row); err != nil {
		return false, err
	}
	v.set(nameKey(repository, row.Manifest.Digest, tag), nil)
	v.set(key, nil)
	return true, nil
}
