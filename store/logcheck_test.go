package store_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/store"
)

// checkLogs recomputes every log of s from its entries, holds it against its
// tiles, head and checkpoint, and returns the heads by namespace. before are
// heads that were acknowledged: each log must go on from there.
func checkLogs(ctx context.Context, s *store.Store, before map[string]store.Log) (map[string]store.Log, error) {
	logs, err := s.Logs(ctx)
	if err != nil {
		return nil, err
	}
	heads := make(map[string]store.Log)
	for _, l := range logs {
		if err := checkLog(ctx, s, l, before[l.Namespace]); err != nil {
			return nil, fmt.Errorf("log %s of %d: %w", l.Origin, l.Size, err)
		}
		heads[l.Namespace] = l
	}
	for namespace, old := range before {
		if heads[namespace].Size < old.Size {
			return nil, fmt.Errorf("log %s had %d events, and has %d", old.Origin, old.Size, heads[namespace].Size)
		}
	}
	return heads, nil
}

func checkLog(ctx context.Context, s *store.Store, l, old store.Log) error {
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		return err
	}
	err = s.Entries(ctx, l.Namespace, 0, l.Size, func(index uint64, e eventlog.Entry) error {
		if _, err := e.Open(); err != nil {
			return err
		}
		tree.Append(e.Hash())
		if old.Size > 0 && index+1 == old.Size && tree.Root() != old.Root {
			return fmt.Errorf("its first %d events are not those that were acknowledged", old.Size)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if l.Broken || tree.Root() != l.Root {
		return fmt.Errorf("the entries do not come to the root (broken: %v)", l.Broken)
	}
	for _, t := range tree.Changed() {
		got, err := s.ReadTile(ctx, l.Namespace, t.Tile)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, t.Hashes) {
			return fmt.Errorf("tile %s is not that of the entries", t.Path())
		}
	}
	v, err := eventlog.Verifier(l.Origin, testSigner.key.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	c, err := eventlog.OpenCheckpoint(l.Checkpoint, l.Origin, v)
	if err != nil {
		return err
	}
	if c.Size != l.Size || c.Root != l.Root {
		return fmt.Errorf("the checkpoint is of %d events", c.Size)
	}
	return nil
}
