package store

import (
	"context"
	"encoding/binary"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// applyKeyAdded takes a key in: a new one, or one in the place of another, which
// keeps what it has signed.
func applyKeyAdded(ctx context.Context, v *view, e event) error {
	const op = "add key"
	p := e.Payload
	rows, err := v.keyRows(ctx)
	if err != nil {
		return err
	}
	if had, ok := rows[p.Key]; ok {
		return fault.New(fault.Conflict, op, p.Name, "this key is known as %q", had.Name)
	}
	for id, r := range rows {
		if r.Name == p.Name && r.Replaced == nil && id != p.Replaces {
			err := fault.New(fault.Conflict, op, p.Name, "another key has this name")
			return fault.Hint(err, "choose another name, or put a new key in its place: artifact keys rotate %s", p.Name)
		}
	}
	if e.Kind == eventlog.KeyRotated {
		old, ok := rows[p.Replaces]
		switch {
		case !ok:
			return fault.New(fault.NotFound, "rotate key", p.Replaces, "there is no such key")
		case old.Replaced != nil:
			return fault.New(fault.Conflict, "rotate key", old.Name, "it was replaced before, by %s", old.Replaced.By)
		}
		old.Replaced = &keyEnd{Index: e.Index, Time: e.Time, By: p.Key}
		if err := v.put(keyKey(p.Replaces), old); err != nil {
			return err
		}
	}
	return v.put(keyKey(p.Key), keyRow{Name: p.Name, PEM: p.PEM, Index: e.Index, Time: e.Time, Replaces: p.Replaces})
}

// applyKeyRevoked ends the trust in a key from where the logs were.
func applyKeyRevoked(ctx context.Context, v *view, e event) error {
	const op = "revoke key"
	p := e.Payload
	var row keyRow
	switch had, err := v.load(ctx, keyKey(p.Key), &row); {
	case err != nil:
		return err
	case !had:
		return fault.New(fault.NotFound, op, p.Key, "there is no such key")
	case row.Revoked != nil:
		return fault.New(fault.Conflict, op, row.Name, "it was revoked before")
	}
	row.Revoked = &keyEnd{Index: e.Index, Time: e.Time, Reason: p.Reason}
	row.From = p.From
	v.set(keyRevocation, binary.BigEndian.AppendUint64(nil, e.Index+1))
	return v.put(keyKey(p.Key), row)
}

// applyPolicySet puts a policy in force. Its epoch never goes back.
func applyPolicySet(ctx context.Context, v *view, e event) error {
	epoch, err := v.number(ctx, keyEpoch)
	if err != nil {
		return err
	}
	if e.Payload.Epoch <= epoch {
		return fault.New(fault.Conflict, "set policy", "", "its epoch is %d, and %d is in force", e.Payload.Epoch, epoch)
	}
	v.set(keyEpoch, binary.BigEndian.AppendUint64(nil, e.Payload.Epoch))
	return v.put(policyKey(e.Payload.Epoch), policyRow{Index: e.Index, Time: e.Time})
}

// keyRows returns the rows of all keys, by id.
func (v *view) keyRows(ctx context.Context) (map[string]keyRow, error) {
	raw, err := v.list(ctx, []byte(prefixKey))
	if err != nil {
		return nil, err
	}
	rows := make(map[string]keyRow, len(raw))
	for id, b := range raw {
		var r keyRow
		if err := decodeRow(b, &r); err != nil {
			return nil, err
		}
		rows[id] = r
	}
	return rows, nil
}

// number reads a single value; 0 where it is absent.
func (v *view) number(ctx context.Context, key []byte) (uint64, error) {
	b, err := v.get(ctx, key)
	if err != nil || b == nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, fault.New(fault.Corrupt, "read index", "", "a number of %d bytes", len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}
