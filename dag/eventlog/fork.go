package eventlog

import (
	"bytes"
	"context"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Fork is evidence, to whoever knows a log's key, that the log's owner signed
// two checkpoints that cannot both be true: the later tree does not begin with
// the earlier.
//
// That two checkpoints have no proof of consistency shows nothing, for anyone
// can withhold one. So the evidence is a proof of another thing: what the later
// tree does begin with.
type Fork struct {
	Earlier []byte // a signed checkpoint
	Later   []byte // a signed checkpoint, of as many leaves or more
	Root    Hash   // of the first leaves of the later tree, as many as the earlier has
	Proof   []Hash // that they are (see [ProveConsistency])
}

// DetectFork compares two signed checkpoints of the log that v verifies and is
// named by, in any order, and reports whether they are a fork. r reads the
// tiles of the later; it is not asked, and may be nil, where both have one size.
// Errors are those of [OpenCheckpoint] and of [ProveConsistency]: tiles that are
// not of the later tree are [fault.Corrupt], and say nothing of the log.
func DetectFork(ctx context.Context, r TileReader, a, b []byte, v note.Verifier) (Fork, bool, error) {
	const op = "compare checkpoints"
	f := Fork{Earlier: bytes.Clone(a), Later: bytes.Clone(b)}
	earlier, later, err := f.open(op, v)
	if err != nil {
		return Fork{}, false, err
	}
	if earlier.Size > later.Size {
		f.Earlier, f.Later, earlier, later = f.Later, f.Earlier, later, earlier
	}
	f.Root = later.Root
	if earlier.Size < later.Size {
		if f.Root, err = rootAt(ctx, r, later.Size, later.Root, earlier.Size); err == nil && f.Root != earlier.Root {
			f.Proof, err = ProveConsistency(ctx, r, later.Size, later.Root, earlier.Size)
		}
	}
	if err != nil {
		return Fork{}, false, fault.Wrap(fault.Other, op, later.Origin, err)
	}
	if f.Root == earlier.Root {
		return Fork{}, false, nil
	}
	return f, true, nil
}

func (f Fork) open(op string, v note.Verifier) (earlier, later Checkpoint, err error) {
	if earlier, err = OpenCheckpoint(f.Earlier, v.Name(), v); err == nil {
		later, err = OpenCheckpoint(f.Later, v.Name(), v)
	}
	return earlier, later, fault.Wrap(fault.Other, op, v.Name(), err)
}

// Check verifies the evidence with the key of the log, which is named by its
// origin (see [Verifier]): nil says that the log forked. Checkpoints that do
// not open have the errors of [OpenCheckpoint]; such that can both be true, and
// a proof that does not hold, are [fault.Corrupt].
func (f Fork) Check(v note.Verifier) error {
	const op = "check fork"
	earlier, later, err := f.open(op, v)
	if err != nil {
		return err
	}
	if f.Root == earlier.Root {
		return fault.New(fault.Corrupt, op, v.Name(), "the later tree begins with the earlier")
	}
	err = CheckConsistency(f.Proof, later.Size, later.Root, earlier.Size, f.Root)
	return fault.Wrap(fault.Other, op, v.Name(), err)
}

// forkNode is a fork as it is encoded.
type forkNode struct {
	Version uint64   `cbor:"v"`
	Earlier []byte   `cbor:"earlier"`
	Later   []byte   `cbor:"later"`
	Root    []byte   `cbor:"root"`
	Proof   [][]byte `cbor:"proof,omitempty"`
}

// Marshal encodes the evidence as one CBOR item. What [ParseFork] would refuse
// is refused alike.
func (f Fork) Marshal() ([]byte, error) {
	const op = "encode fork"
	if err := f.check(op, len(f.Proof)); err != nil {
		return nil, err
	}
	n := forkNode{Version: version, Earlier: f.Earlier, Later: f.Later, Root: f.Root[:]}
	for _, h := range f.Proof {
		n.Proof = append(n.Proof, h[:])
	}
	data, err := dagcbor.Marshal(n)
	return data, fault.Wrap(fault.Other, op, "", err)
}

func (f Fork) check(op string, hashes int) error {
	if len(f.Earlier) > MaxCheckpoint || len(f.Later) > MaxCheckpoint || hashes > maxHashes {
		return fault.New(fault.TooLarge, op, "", "checkpoints of %d and %d bytes and %d hashes; the most are %d and %d",
			len(f.Earlier), len(f.Later), hashes, MaxCheckpoint, maxHashes)
	}
	return nil
}

// ParseFork decodes what [Fork.Marshal] returned, and believes nothing:
// [Fork.Check] does. Anything else is [fault.Invalid], and what is over a limit
// is [fault.TooLarge].
func ParseFork(data []byte) (Fork, error) {
	const op = "decode fork"
	var n forkNode
	if err := dagcbor.Unmarshal(data, &n); err != nil {
		return Fork{}, fault.Wrap(fault.Other, op, "", err)
	}
	if n.Version != version || len(n.Root) != hashLen {
		return Fork{}, fault.New(fault.Invalid, op, "", "it is of version %d, with a root of %d bytes", n.Version, len(n.Root))
	}
	f := Fork{Earlier: n.Earlier, Later: n.Later, Root: Hash(n.Root)}
	if err := f.check(op, len(n.Proof)); err != nil {
		return Fork{}, err
	}
	for _, h := range n.Proof {
		if len(h) != hashLen {
			return Fork{}, fault.New(fault.Invalid, op, "", "a hash of %d bytes", len(h))
		}
		f.Proof = append(f.Proof, Hash(h))
	}
	return f, nil
}
