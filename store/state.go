package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// State is what the logs come to.
type State struct {
	// Hash is the SHA-256 of all views: equal wherever the logs are equal.
	Hash [32]byte
	// Events is how many the store has seen, in all its logs.
	Events uint64
	// Epoch is that of the policy in force; 0 where there is none. Revocation
	// is how long the node's log was with the last revocation in it.
	Epoch, Revocation uint64
}

// State reads all views and hashes them: each key and value, behind its length
// as a varint (LEB128), in the order of their prefixes and keys.
func (s *Store) State(ctx context.Context) (State, error) {
	return steady(&s.catalog, func() (State, error) {
		h := sha256.New()
		for _, prefix := range viewPrefixes {
			err := s.meta.Iterate(ctx, []byte(prefix), nil, func(k, value []byte) error {
				hashRow(h, k)
				hashRow(h, value)
				return nil
			})
			if err != nil {
				return State{}, err
			}
		}
		st, err := s.Position(ctx)
		h.Sum(st.Hash[:0])
		return st, err
	})
}

// Position is the state without its hash, which is cheap.
func (s *Store) Position(ctx context.Context) (st State, err error) {
	v, err := newView(ctx, s.meta)
	if err != nil {
		return st, err
	}
	st.Events = v.mark.Sequence
	if st.Epoch, err = v.number(ctx, keyEpoch); err != nil {
		return st, err
	}
	st.Revocation, err = v.number(ctx, keyRevocation)
	return st, err
}

func hashRow(h hash.Hash, b []byte) {
	var n [binary.MaxVarintLen64]byte
	h.Write(n[:binary.PutUvarint(n[:], uint64(len(b)))])
	h.Write(b)
}
