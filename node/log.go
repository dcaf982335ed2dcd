package node

import (
	"context"
	"crypto/ed25519"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// Log is the head of a log.
type Log struct {
	store.Log
	// Key is the log's verifier key as text (C2SP signed-note); "" where the
	// node has lost its own.
	Key string
}

// Event is an event with its place in its log.
type Event struct {
	Index uint64
	eventlog.Event
	Salt []byte // nil where the payload was erased
}

// At is when it was logged.
func (e Event) At() time.Time { return time.UnixMilli(e.Time).UTC() }

// Site is the first part of the names of the node's logs; "" where it lost its
// key.
func (n *Node) Site() string { return n.identity.Site }

// Logs returns the node's own log, whose namespace is "", and the others by
// namespace.
func (n *Node) Logs(ctx context.Context) ([]Log, error) {
	kept, err := n.store.Logs(ctx)
	logs := make([]Log, 0, len(kept))
	for _, l := range kept {
		logs = append(logs, n.keyed(l))
	}
	return logs, err
}

// Log returns the log of a namespace, or with "" the node's. Errors:
// [fault.NotFound].
func (n *Node) Log(ctx context.Context, namespace string) (Log, error) {
	l, err := n.store.Log(ctx, namespace)
	if fault.Is(err, fault.NotFound) {
		err = fault.Hint(err, "see which logs there are: artifact log ls")
	}
	return n.keyed(l), err
}

func (n *Node) keyed(l store.Log) Log {
	if n.identity.Key == nil || l.Origin == "" {
		return Log{Log: l}
	}
	return Log{Log: l, Key: eventlog.VerifierKey(l.Origin, n.identity.Key.Public().(ed25519.PublicKey))}
}

// Signed returns the signed checkpoint. Errors: [fault.Denied] where there is
// none.
func (l Log) Signed() ([]byte, error) {
	if l.Checkpoint == nil {
		err := fault.New(fault.Denied, "read checkpoint", l.Origin, "the log has none: the node has lost its key, or the log its entries")
		return nil, fault.Hint(err, "see what is wrong: artifact log verify")
	}
	return l.Checkpoint, nil
}

// verifier verifies the checkpoints of a log; nil where the node lost its key.
func (l Log) verifier() (note.Verifier, error) {
	if l.Key == "" {
		return nil, nil
	}
	return parseVerifier(l.Key)
}

// head is what the log claims to be.
func (l Log) head() eventlog.Checkpoint {
	return eventlog.Checkpoint{Origin: l.Origin, Size: l.Size, Root: l.Root}
}

// Events calls fn for the events of a namespace's log from an index on. It
// stops at fn's first error. Errors: [fault.NotFound] for the log,
// [fault.Corrupt] for an entry.
func (n *Node) Events(ctx context.Context, namespace string, from uint64, fn func(Event) error) error {
	l, err := n.Log(ctx, namespace)
	if err != nil {
		return err
	}
	return n.store.Entries(ctx, namespace, from, l.Size, func(index uint64, e eventlog.Entry) error {
		opened, err := e.Open()
		if err != nil {
			return fault.Wrap(fault.Corrupt, "read log", l.Origin, err)
		}
		return fn(Event{Index: index, Event: opened, Salt: e.Salt})
	})
}

// Proof shows that the event that made a reference what it is was logged.
type Proof struct {
	Log    Log
	Index  uint64
	Text   []byte // C2SP tlog-proof
	Entry  []byte // the event with its payload, as [eventlog.Entry.Marshal] has it
	Logged Event
}

// Prove proves the event that published an artifact, or that set the tag by
// which r names it where that was later. Errors: [fault.NotFound];
// [fault.Denied] where the log has no signed checkpoint.
func (n *Node) Prove(ctx context.Context, r dag.Reference) (Proof, error) {
	p, err := n.prove(ctx, r)
	return p, fault.Wrap(fault.Other, "prove", r.String(), err)
}

func (n *Node) prove(ctx context.Context, r dag.Reference) (p Proof, err error) {
	a, err := n.resolve(ctx, r)
	if err != nil {
		return p, err
	}
	p.Index = a.Index
	if r.Tag != "" {
		tagged, err := n.store.TagIndex(ctx, r.Repository, r.Tag)
		if err != nil {
			return p, err
		}
		p.Index = max(p.Index, tagged)
	}
	namespace := dag.Reference{Repository: a.Repository}.Namespace()
	if p.Log, err = n.Log(ctx, namespace); err != nil {
		return p, err
	}
	signed, err := p.Log.Signed()
	if err != nil {
		return p, err
	}
	err = n.store.Entries(ctx, namespace, p.Index, p.Index+1, func(_ uint64, e eventlog.Entry) (err error) {
		p.Logged = Event{Index: p.Index, Salt: e.Salt}
		if p.Logged.Event, err = e.Open(); err == nil {
			p.Entry, err = e.Marshal()
		}
		return err
	})
	if err != nil {
		return p, err
	}
	proof := eventlog.Proof{Index: p.Index, Checkpoint: signed}
	if proof.Hashes, err = eventlog.ProveInclusion(ctx, kept{n.store, namespace}, p.Log.Size, p.Log.Root, p.Index); err != nil {
		return p, err
	}
	p.Text, err = proof.Marshal()
	return p, err
}

// kept is a log as the store keeps it.
type kept struct {
	store     *store.Store
	namespace string
}

// ReadTile implements [eventlog.TileReader].
func (k kept) ReadTile(ctx context.Context, t eventlog.Tile) ([]byte, error) {
	return k.store.ReadTile(ctx, k.namespace, t)
}

// Entries implements [audit.Source].
func (k kept) Entries(ctx context.Context, from, to uint64, fn func(uint64, eventlog.Entry) error) error {
	return k.store.Entries(ctx, k.namespace, from, to, fn)
}

// Follow opens the node of cfg again and again, and calls fn each time, until
// an error or the end of ctx. Between two times it lets go of the directory and
// calls pause, which should take a while; while another process holds the
// directory it waits for its turn. Errors are fn's, pause's, and those of [With].
func Follow(ctx context.Context, cfg Config, pause func(context.Context) error, fn func(context.Context, *Node) error) error {
	for {
		if err := With(ctx, cfg, fn); err != nil && !fault.Is(err, fault.Unavailable) {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// Every returns a pause of d, which the end of its context cuts short with the
// cause.
func Every(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
