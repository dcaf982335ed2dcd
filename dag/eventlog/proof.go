package eventlog

import (
	"bytes"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Limits on a [Proof].
const (
	// MaxExtra is the most extra data, in bytes: it has room for an entry.
	MaxExtra = 128 << 10
	// maxHashes is the longest path from a leaf to a root.
	maxHashes = 64
)

// Proof shows to whoever knows a log's key, and has nothing else, that a leaf is
// in the log (C2SP tlog-proof). Its files end in .tlog-proof.
type Proof struct {
	Index      uint64 // of the leaf
	Hashes     []Hash // from the leaf's sibling up (see [ProveInclusion])
	Checkpoint []byte // signed
	Extra      []byte // what the application likes; nothing vouches for it; nil for none
}

// The parts of a proof's text.
const (
	proofHead  = "c2sp.org/tlog-proof@v1\n"
	proofExtra = "extra "
	proofIndex = "index "
)

// Marshal returns the proof as text. A proof that [ParseProof] would refuse is
// refused alike.
func (p Proof) Marshal() ([]byte, error) {
	const op = "encode proof"
	if err := p.check(op); err != nil {
		return nil, err
	}
	b := []byte(proofHead)
	if len(p.Extra) > 0 {
		b = strict.AppendEncode(append(b, proofExtra...), p.Extra)
		b = append(b, '\n')
	}
	b = strconv.AppendUint(append(b, proofIndex...), p.Index, 10)
	b = append(b, '\n')
	for _, h := range p.Hashes {
		b = append(strict.AppendEncode(b, h[:]), '\n')
	}
	b = append(b, '\n')
	return append(b, p.Checkpoint...), nil
}

// check looks at the limits.
func (p Proof) check(op string) error {
	switch {
	case len(p.Extra) > MaxExtra || len(p.Hashes) > maxHashes || len(p.Checkpoint) > MaxCheckpoint:
		return fault.New(fault.TooLarge, op, "",
			"%d bytes of extra data, %d hashes and a checkpoint of %d bytes; the most are %d, %d and %d",
			len(p.Extra), len(p.Hashes), len(p.Checkpoint), MaxExtra, maxHashes, MaxCheckpoint)
	case len(p.Checkpoint) == 0:
		return fault.New(fault.Invalid, op, "", "there is no checkpoint")
	}
	return nil
}

// ParseProof reads a proof as [Proof.Marshal] writes it, and believes nothing:
// [Proof.Verify] does. Anything else is [fault.Invalid], and what is over a
// limit is [fault.TooLarge].
func ParseProof(text []byte) (Proof, error) {
	const op = "read proof"
	bad := func(format string, args ...any) (Proof, error) {
		return Proof{}, fault.New(fault.Invalid, op, "", format, args...)
	}
	if len(text) > len(proofHead)+2*MaxExtra+maxHashes*64+MaxCheckpoint {
		return Proof{}, fault.New(fault.TooLarge, op, "", "it is of %d bytes", len(text))
	}
	rest, ok := bytes.CutPrefix(text, []byte(proofHead))
	if !ok {
		return bad("it does not begin with %q", proofHead)
	}
	head, checkpoint, ok := bytes.Cut(rest, []byte("\n\n"))
	if !ok {
		return bad("there is no empty line before a checkpoint")
	}
	p := Proof{Checkpoint: bytes.Clone(checkpoint)}
	lines := bytes.Split(head, []byte("\n"))
	var err error
	if extra, ok := bytes.CutPrefix(lines[0], []byte(proofExtra)); ok {
		p.Extra, err = strict.AppendDecode(nil, extra)
		// The decoder passes over line breaks.
		if err != nil || len(p.Extra) == 0 || strict.EncodedLen(len(p.Extra)) != len(extra) {
			return bad("the extra data are not base64 of something")
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !bytes.HasPrefix(lines[0], []byte(proofIndex)) {
		return bad("the line of the index is missing")
	}
	index := string(lines[0][len(proofIndex):])
	if p.Index, err = strconv.ParseUint(index, 10, 64); err != nil || strconv.FormatUint(p.Index, 10) != index {
		return bad("%.100q is not an index", index)
	}
	if len(lines)-1 > maxHashes {
		return Proof{}, fault.New(fault.TooLarge, op, "", "more than %d hashes", maxHashes)
	}
	p.Hashes = make([]Hash, len(lines)-1)
	for i, line := range lines[1:] {
		if p.Hashes[i], err = parseHash(string(line)); err != nil {
			return Proof{}, fault.Wrap(fault.Other, op, "", err)
		}
	}
	if err := p.check(op); err != nil {
		return Proof{}, err
	}
	return p, nil
}

// Verify checks that a leaf is in a log: that the checkpoint is one of origin
// (see [OpenCheckpoint], whose errors it gives), and the leaf in its tree (see
// [CheckInclusion]). It returns the checkpoint.
func (p Proof) Verify(leaf Hash, origin string, verifiers ...note.Verifier) (Checkpoint, error) {
	const op = "verify proof"
	c, err := OpenCheckpoint(p.Checkpoint, origin, verifiers...)
	if err != nil {
		return Checkpoint{}, fault.Wrap(fault.Other, op, "", err)
	}
	if err := CheckInclusion(p.Hashes, c.Size, c.Root, p.Index, leaf); err != nil {
		return Checkpoint{}, fault.Wrap(fault.Other, op, "", err)
	}
	return c, nil
}
