package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Log is the state of a log.
type Log struct {
	Origin     string
	Namespace  string // "" where it is the node's
	Size       uint64 // events
	Root       eventlog.Hash
	Checkpoint []byte // the signed note; nil where the node has had no key to sign it
	Broken     bool   // entries behind Size were lost
}

// Logs returns the logs, the node's first and the others by namespace.
func (s *Store) Logs(ctx context.Context) ([]Log, error) {
	var logs []Log
	err := s.meta.Iterate(ctx, []byte(prefixHead), nil, func(k, value []byte) error {
		l, err := decodeHead(string(k[len(prefixHead):]), value)
		logs = append(logs, l)
		return err
	})
	return logs, err
}

// Log returns the log of a namespace, or with "" the node's. Errors:
// [fault.NotFound] where there is none.
func (s *Store) Log(ctx context.Context, namespace string) (Log, error) {
	b, err := s.getOne(ctx, headKey(namespace))
	if err != nil {
		return Log{}, err
	}
	if b == nil {
		return Log{}, fault.New(fault.NotFound, "read log", namespace, "there is no such log")
	}
	return decodeHead(namespace, b)
}

func decodeHead(namespace string, b []byte) (Log, error) {
	var h headRow
	if err := decodeRow(b, &h); err != nil {
		return Log{}, err
	}
	if len(h.Root) != len(eventlog.Hash{}) {
		return Log{}, fault.New(fault.Corrupt, "read index", namespace, "a root of %d bytes", len(h.Root))
	}
	return Log{
		Origin: h.Origin, Namespace: namespace, Size: h.Size, Root: eventlog.Hash(h.Root),
		Checkpoint: h.Checkpoint, Broken: h.Broken,
	}, nil
}

// Entries calls fn for the entries of a namespace's log from index from up to,
// and without, index to, over a snapshot. It stops at fn's first error. Errors:
// [fault.Corrupt] where an entry is missing or cannot be read.
func (s *Store) Entries(ctx context.Context, namespace string, from, to uint64, fn func(index uint64, e eventlog.Entry) error) error {
	return entries(ctx, s.meta, namespace, from, to, fn)
}

func entries(ctx context.Context, m Metadata, namespace string, from, to uint64, fn func(uint64, eventlog.Entry) error) error {
	const op = "read log"
	if from >= to {
		return nil
	}
	due := from
	err := m.Iterate(ctx, repositoryPrefix(prefixEntry, namespace), entryKey(namespace, from), func(k, value []byte) error {
		index, err := entryKeyIndex(k)
		if err != nil {
			return err
		}
		if index >= to {
			return errEnough
		}
		if index != due {
			return fault.New(fault.Corrupt, op, namespace, "entry %d is missing", due)
		}
		due++
		e, err := eventlog.UnmarshalEntry(value)
		if err != nil {
			return err
		}
		return fn(index, e)
	})
	if err == errEnough {
		err = nil
	}
	if err == nil && due < to {
		err = fault.New(fault.NotFound, op, namespace, "it ends at entry %d", due)
	}
	return err
}

// errEnough ends an iteration that has all it wants.
var errEnough = fault.New(fault.Other, "iterate", "", "enough")

// ReadTile returns the hashes of a tile of a namespace's log, 32 bytes each.
// Errors: [fault.NotFound] where the log has not come so far.
func (s *Store) ReadTile(ctx context.Context, namespace string, t eventlog.Tile) ([]byte, error) {
	b, err := s.getOne(ctx, tileKey(namespace, t.Level, t.Index))
	if err != nil {
		return nil, err
	}
	want := t.Width * len(eventlog.Hash{})
	if want <= 0 || len(b) < want {
		return nil, fault.New(fault.NotFound, "read log", namespace, "there is no such tile: %s", t.Path())
	}
	return b[:want], nil
}

// agree completes what an opened store owes its logs: views that were being
// rebuilt, and checkpoints that nobody could sign.
func (s *Store) agree(ctx context.Context) error {
	const op = "open store"
	pending, err := s.getOne(ctx, keyRebuild)
	if err != nil {
		return fault.Wrap(fault.Other, op, "", err)
	}
	if pending != nil {
		s.opt.Log.Info("completing a rebuild of the views that was cut short")
		if err := s.rebuild(ctx, nil); err != nil {
			return fault.Wrap(fault.Other, op, "", err)
		}
	}
	return fault.Wrap(fault.Other, op, "", s.signHeads(ctx))
}

// signHeads signs the heads that have no checkpoint.
func (s *Store) signHeads(ctx context.Context) error {
	if s.opt.Checkpoints == nil {
		return nil
	}
	logs, err := s.Logs(ctx)
	if err != nil {
		return err
	}
	for _, l := range logs {
		if l.Checkpoint != nil || l.Broken {
			continue
		}
		h := headRow{Origin: l.Origin, Size: l.Size, Root: l.Root[:]}
		if h.Checkpoint, err = s.opt.Checkpoints.Checkpoint(eventlog.Checkpoint{Origin: l.Origin, Size: l.Size, Root: l.Root}); err != nil {
			return err
		}
		b, err := dagcbor.Marshal(h)
		if err != nil {
			return fault.Wrap(fault.Other, "encode row", "", err)
		}
		if err := s.meta.Commit(ctx, Batch{Put: []Pair{{headKey(l.Namespace), b}}}); err != nil {
			return err
		}
	}
	return nil
}
