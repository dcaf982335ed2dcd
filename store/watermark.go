package store

import (
	"encoding/binary"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Mark says how far a store has come: the number of its events, and the chain
// of all of them.
type Mark struct {
	Sequence uint64
	Chain    [32]byte
}

func (m Mark) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, m.Sequence), m.Chain[:]...)
}

func decodeMark(b []byte) (Mark, error) {
	if b == nil {
		return Mark{}, nil
	}
	if len(b) != 8+32 {
		return Mark{}, fault.New(fault.Corrupt, "read index", "", "the sequence is of %d bytes", len(b))
	}
	return Mark{Sequence: binary.BigEndian.Uint64(b), Chain: [32]byte(b[8:])}, nil
}

// Watermark remembers, outside the store, how far the store has come. A store
// that is behind its mark was brought back from an older copy: appending to it
// would make a second history under the same name.
type Watermark interface {
	// Load returns the last mark; false where there is none.
	Load() (Mark, bool, error)
	// Save keeps a mark. It may come to be lost in a crash: an older mark
	// protects less and harms nothing.
	Save(Mark) error
}

// compareMark refuses to append where the store is behind its mark, or beside it.
func compareMark(have Mark, w Watermark) error {
	if w == nil {
		return nil
	}
	const op = "append to log"
	want, known, err := w.Load()
	if err != nil || !known {
		return err
	}
	behind := have.Sequence < want.Sequence
	if !behind && (have.Sequence > want.Sequence || have.Chain == want.Chain) {
		return nil
	}
	refused := fault.New(fault.Denied, op, "", "this copy of the store ends at event %d, another went on to event %d", have.Sequence, want.Sequence)
	if !behind {
		refused = fault.New(fault.Denied, op, "", "this copy of the store and another have two histories of %d events", have.Sequence)
	}
	return fault.Hint(refused, "a log that is published twice is a forged one: bring back the newer copy. "+
		"This one can be read; if the newer is lost for good, get what this one holds and put it into a new store")
}
