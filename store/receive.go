package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Receive takes a block in. It is the only door for blocks, and verifies: a
// dag-cbor block is canonical and all that it links to is here, so that by
// induction a block that is here is here with its whole closure. The caller
// vouches for the digest by having a [dag.Block].
//
// It copies b.Data, and returns before the block is durable (see
// [Lease.Flush]); fresh is false where the store had it. It waits while all
// buffers are full.
//
// Errors: [fault.Invalid] for bytes that are not canonical, [fault.TooLarge],
// [fault.NotFound] where a linked block is missing, [fault.Unavailable] after
// [Store.Run] has ended.
func (l *Lease) Receive(ctx context.Context, b dag.Block) (fresh bool, err error) {
	const op = "receive block"
	if err := l.check(op); err != nil {
		return false, err
	}
	typ := pack.Chunk
	switch {
	case b.CID.Codec == dag.Cbor:
		typ = pack.Node
		links, err := dag.Links(b)
		if err != nil {
			return false, fault.Wrap(fault.Other, op, b.CID.String(), err)
		}
		if err := l.holdAll(ctx, links); err != nil {
			return false, fault.Wrap(fault.Other, op, b.CID.String(), err)
		}
	case len(b.Data) > dag.MaxRaw:
		return false, fault.New(fault.TooLarge, op, b.CID.String(), "%d bytes, at most %d are possible", len(b.Data), dag.MaxRaw)
	}
	had, err := l.find(ctx, []dag.CID{b.CID})
	if err != nil {
		return false, err
	}
	if !had[0] {
		if fresh, err = l.append(ctx, typ, b); err != nil {
			return false, err
		}
	}
	if typ == pack.Node {
		l.hold(b.CID.Digest)
	}
	return fresh, nil
}

func (l *Lease) append(ctx context.Context, typ pack.RecordType, b dag.Block) (fresh bool, err error) {
	stored, compression := pack.Encode(b.Data, l.s.opt.Compression, nil)
	g, fresh, err := l.s.appender.add(ctx, l.s.stopped, pack.Record{
		Type: typ, Compression: compression, Plain: uint32(len(b.Data)), Digest: b.CID.Digest, Payload: stored,
	}, nil)
	if err != nil {
		return false, err
	}
	l.joined(g)
	return fresh, nil
}

// find reports which blocks are here or in flight, and makes the lease rely on
// those. Under the barrier the look-up and the touch are one step for the
// guard: what it condemns is not found, what is found it does not condemn.
func (l *Lease) find(ctx context.Context, cids []dag.CID) ([]bool, error) {
	l.s.barrier.RLock()
	defer l.s.barrier.RUnlock()
	found := make([]bool, len(cids))
	keys := make([][]byte, 0, len(cids))
	at := make([]int, 0, len(cids))
	for i, c := range cids {
		if g := l.s.appender.find(blockID{domainPublic, c.Digest}); g != nil {
			found[i] = true
			l.joined(g)
			continue
		}
		keys = append(keys, blockKey(domainPublic, c.Digest))
		at = append(at, i)
	}
	if len(keys) == 0 {
		return found, nil
	}
	rows, err := l.s.meta.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	for n, i := range at {
		if rows[n] == nil {
			continue
		}
		loc, err := decodeLocation(rows[n])
		if err != nil {
			return nil, err
		}
		if !l.s.segments.isCondemned(loc) {
			found[i] = true
			l.touch(loc)
		}
	}
	return found, nil
}

// holdAll makes the lease rely on blocks with all that they link to. What it
// does not hold yet it walks; [fault.NotFound] names what is missing.
func (l *Lease) holdAll(ctx context.Context, links []dag.CID) error {
	var unknown []dag.CID
	l.mu.Lock()
	for _, c := range links {
		if _, held := l.nodes[c.Digest]; !held || c.Codec != dag.Cbor {
			unknown = append(unknown, c)
		}
	}
	l.mu.Unlock()
	found, err := l.find(ctx, unknown)
	if err != nil {
		return err
	}
	for i, c := range unknown {
		if !found[i] {
			if err := l.failed(); err != nil {
				return err
			}
			return fault.New(fault.NotFound, "find linked block", c.String(), "it is not in the store")
		}
		if c.Codec == dag.Cbor {
			if err := l.holdNode(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// holdNode walks below a node. The depth is that of the formats, which their
// limits bound: a hash cannot link to itself.
func (l *Lease) holdNode(ctx context.Context, c dag.CID) error {
	b, err := l.s.Get(ctx, c)
	if err != nil {
		return err
	}
	links, err := dag.Links(b)
	if err != nil {
		return err
	}
	if err := l.holdAll(ctx, links); err != nil {
		return err
	}
	l.hold(c.Digest)
	return nil
}
