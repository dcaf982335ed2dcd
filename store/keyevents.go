package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Key is a public key that the node knows, as its log tells.
type Key struct {
	ID, Name, PEM string
	Index         uint64 // of the event that added it, in the node's log
	Added         time.Time
	Replaces      string // id of the key in whose place it came; may be empty
	ReplacedBy    string // id of the key in its place; may be empty
	Replaced      time.Time
	// Revoked is when it was revoked; zero where it is not. What it signed
	// counts where it was logged in a namespace below From of that namespace.
	Revoked time.Time
	Reason  string
	From    map[string]uint64
}

// Keys returns the keys that the node knows, in the order in which they came.
func (c *catalog) Keys(ctx context.Context) ([]Key, error) {
	return steady(c, func() ([]Key, error) {
		rows, err := (&view{meta: c.meta}).keyRows(ctx)
		if err != nil {
			return nil, err
		}
		keys := make([]Key, 0, len(rows))
		for id, r := range rows {
			k := Key{ID: id, Name: r.Name, PEM: r.PEM, Index: r.Index, Added: millis(r.Time), Replaces: r.Replaces, From: r.From}
			if r.Replaced != nil {
				k.ReplacedBy, k.Replaced = r.Replaced.By, millis(r.Replaced.Time)
			}
			if r.Revoked != nil {
				k.Revoked, k.Reason = millis(r.Revoked.Time), r.Revoked.Reason
			}
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b Key) int { return cmp.Compare(a.Index, b.Index) })
		return keys, nil
	})
}

// RecordKey appends an event about a key to the node's log: that it was added,
// or rotated, or revoked, in which case From is filled in with how long the
// logs are then. It returns the event's index. Errors: [fault.Conflict] where a
// key or its name is there already, [fault.NotFound] where one is not.
func (s *Store) RecordKey(ctx context.Context, kind eventlog.Kind, p eventlog.Payload) (uint64, error) {
	switch kind {
	case eventlog.KeyAdded, eventlog.KeyRotated, eventlog.KeyRevoked:
	default:
		return 0, fault.New(fault.Invalid, "record key", string(kind), "it is no event about a key")
	}
	r := &proposal{kind: kind, payload: p}
	err := s.commit(ctx, r)
	return r.event.Index, fault.Wrap(fault.Other, "record key", p.Name, err)
}

// SetPolicy appends a policy to the node's log, as its signed envelope, and puts
// it in force. The caller has verified it. Errors: [fault.Conflict] where the
// epoch is not beyond the one in force.
func (s *Store) SetPolicy(ctx context.Context, envelope []byte, epoch uint64) error {
	p := eventlog.Payload{Policy: envelope, Epoch: epoch}
	return fault.Wrap(fault.Other, "set policy", "", s.commit(ctx, &proposal{kind: eventlog.PolicySet, payload: p}))
}

// Policy is a policy that was set, as its signed envelope.
type Policy struct {
	Epoch    uint64
	Index    uint64 // in the node's log
	Set      time.Time
	Envelope []byte
}

// Policies returns the policies that were set, by epoch: the last is in force.
func (s *Store) Policies(ctx context.Context) ([]Policy, error) {
	var policies []Policy
	err := s.meta.Iterate(ctx, []byte(prefixPolicy), nil, func(k, value []byte) error {
		var row policyRow
		if err := decodeRow(value, &row); err != nil {
			return err
		}
		if len(k) != 1+8 {
			return fault.New(fault.Corrupt, "read index", "", "a policy's key of %d bytes", len(k))
		}
		policies = append(policies, Policy{Epoch: binary.BigEndian.Uint64(k[1:]), Index: row.Index, Set: millis(row.Time)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range policies {
		p := &policies[i]
		err := s.Entries(ctx, "", p.Index, p.Index+1, func(_ uint64, entry eventlog.Entry) error {
			e, err := entry.Open()
			p.Envelope = e.Payload.Policy
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return policies, nil
}
