package store

import (
	"context"
	"maps"
	"slices"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// openLog is a log that a view appends to.
type openLog struct {
	head  headRow
	tree  *eventlog.Tree
	grown bool
}

// tileRoom is reserved in a transaction for the head and the tiles of a log.
const tileRoom = 20 << 10

// log opens a namespace's log, or the node's; a new one begins at origin.
func (v *view) log(ctx context.Context, namespace, origin string) (*openLog, error) {
	if l := v.logs[namespace]; l != nil {
		return l, nil
	}
	l := &openLog{head: headRow{Origin: origin}}
	if _, err := v.load(ctx, headKey(namespace), &l.head); err != nil {
		return nil, err
	}
	var err error
	l.tree, err = eventlog.OpenTree(l.head.Size, func(level int) ([]byte, error) {
		return v.get(ctx, tileKey(namespace, level, l.head.Size>>(eventlog.TileHeight*(level+1))))
	})
	if err != nil {
		return nil, fault.Wrap(fault.Corrupt, "open log", l.head.Origin, err)
	}
	v.logs[namespace] = l
	return l, nil
}

// append puts a record at the end of its log. Where entries before it are
// missing the tree cannot hold it: it is kept beside, and the log is broken.
func (v *view) append(ctx context.Context, r record) error {
	l, err := v.log(ctx, r.Namespace, r.Origin)
	if err != nil {
		return err
	}
	data, err := r.entry().Marshal()
	if err != nil {
		return err
	}
	v.set(entryKey(r.Namespace, r.Index), data)
	if r.Index == l.tree.Size() && !l.head.Broken {
		l.tree.Append(r.entry().Hash())
	} else if r.Index >= l.tree.Size() {
		l.head.Broken = true
	}
	l.grown = true
	v.mark = r.mark(v.mark)
	v.set(keySequence, v.mark.encode())
	return nil
}

// heads writes the tiles and the heads of the logs that have grown. sign may
// be nil: then a head has no checkpoint yet.
func (v *view) heads(sign CheckpointSigner) error {
	for _, namespace := range slices.Sorted(maps.Keys(v.logs)) {
		l := v.logs[namespace]
		if !l.grown {
			continue
		}
		for _, t := range l.tree.Changed() {
			v.set(tileKey(namespace, t.Level, t.Index), t.Hashes)
		}
		root := l.tree.Root()
		l.head.Size, l.head.Root, l.head.Checkpoint, l.grown = l.tree.Size(), root[:], nil, false
		if sign != nil && !l.head.Broken {
			var err error
			if l.head.Checkpoint, err = sign.Checkpoint(eventlog.Checkpoint{Origin: l.head.Origin, Size: l.head.Size, Root: root}); err != nil {
				return err
			}
		}
		b, err := dagcbor.Marshal(l.head)
		if err != nil {
			return fault.Wrap(fault.Other, "encode row", "", err)
		}
		v.set(headKey(namespace), b)
	}
	return nil
}

// CheckpointSigner signs for the node. What it returns is the signed note
// (C2SP signed-note) of a checkpoint.
type CheckpointSigner interface {
	Checkpoint(eventlog.Checkpoint) ([]byte, error)
}

// sizes returns how long the log of each namespace is.
func (v *view) sizes(ctx context.Context) (map[string]uint64, error) {
	heads, err := v.list(ctx, []byte(prefixHead))
	if err != nil {
		return nil, err
	}
	sizes := make(map[string]uint64)
	for namespace, b := range heads {
		if l := v.logs[namespace]; l == nil && namespace != "" {
			head, err := decodeHead(namespace, b)
			if err != nil {
				return nil, err
			}
			sizes[namespace] = head.Size
		}
	}
	for namespace, l := range v.logs {
		if namespace != "" {
			sizes[namespace] = l.tree.Size()
		}
	}
	return sizes, nil
}
