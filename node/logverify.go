package node

import (
	"context"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/audit"
)

// LogReport tells what a verification found to be so.
type LogReport = audit.Report

// LogProgress is told how many entries are done.
type LogProgress = audit.Progress

// VerifyLog recomputes the log of a namespace, or with "" the node's, from its
// entries, and verifies its checkpoint with the node's key; one that lost its
// key cannot, which the report says. Errors: [fault.NotFound]; [fault.Corrupt]
// at the first thing that is not what it must be, which the error names.
func (n *Node) VerifyLog(ctx context.Context, namespace string, progress LogProgress) (LogReport, error) {
	l, err := n.Log(ctx, namespace)
	if err != nil {
		return LogReport{}, err
	}
	v, err := l.verifier()
	if err != nil {
		return LogReport{}, err
	}
	report := LogReport{Checkpoint: l.head()}
	if report.Erased, err = audit.Verify(ctx, l.head(), kept{n.store, namespace}, progress); err != nil {
		return report, err
	}
	if l.Broken {
		err := fault.New(fault.Corrupt, "verify log", l.Origin, "entries from %d on were lost", l.Size)
		return report, fault.Hint(err, "bring back the segments that are missing, then: artifact fsck --rebuild-index")
	}
	signed, err := audit.Head(l.Checkpoint, l.head(), v)
	report.Signed = signed.Signed
	return report, err
}

// VerifyExported verifies the files of one log, in dir or below it by the
// log's origin, with the log's verifier key. It needs no store. Errors:
// [fault.Invalid] for the key, [fault.NotFound], [fault.Corrupt] as
// [Node.VerifyLog].
func VerifyExported(ctx context.Context, dir, key string, progress LogProgress) (LogReport, error) {
	v, err := parseVerifier(key)
	if err != nil {
		return LogReport{}, err
	}
	d, err := audit.FindDir(dir, v.Name())
	if err != nil {
		return LogReport{}, err
	}
	return audit.VerifyDir(ctx, d, v, progress)
}

// VerifyProof verifies what [Node.Prove] returned, with the log's verifier key
// and nothing else: that the entry says what its leaf commits to, and that the
// leaf is in the log. Errors: [fault.Invalid] for what is not well formed,
// [fault.Corrupt] for what does not hold.
func VerifyProof(proof, entry []byte, key string) (Proof, eventlog.Checkpoint, error) {
	const op = "verify proof"
	none := eventlog.Checkpoint{}
	v, err := parseVerifier(key)
	if err != nil {
		return Proof{}, none, err
	}
	parsed, err := eventlog.ParseProof(proof)
	if err != nil {
		return Proof{}, none, fault.Wrap(fault.Corrupt, op, v.Name(), err)
	}
	e, err := eventlog.UnmarshalEntry(entry)
	if err != nil {
		return Proof{}, none, fault.Wrap(fault.Corrupt, op, v.Name(), err)
	}
	p := Proof{Index: parsed.Index, Text: proof, Entry: entry, Logged: Event{Index: parsed.Index, Salt: e.Salt}}
	if p.Logged.Event, err = e.Open(); err != nil {
		return p, none, fault.Wrap(fault.Corrupt, op, v.Name(), err)
	}
	c, err := parsed.Verify(e.Hash(), v.Name(), v)
	return p, c, fault.Wrap(fault.Corrupt, op, v.Name(), err)
}

func parseVerifier(key string) (note.Verifier, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		err = fault.New(fault.Invalid, "read verifier key", "", "%.300q is not <origin>+<hash>+<base64>: %w", key, err)
		return nil, fault.Hint(err, "a node prints the keys of its logs: artifact log ls")
	}
	return v, nil
}
