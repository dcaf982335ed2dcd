package evidence

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

const opExport = "export evidence"

// Export writes a package. Equal content of the logs makes equal bytes.
// Content is streamed; what else there is, is held (see [MaxHeld]).
//
// A request that the logs do not bear out is [fault.Corrupt], content that no
// one could verify in a package [fault.Invalid], what is over a limit
// [fault.TooLarge]; other errors are src's, and w's. After an error what was
// written is no package.
//
// The report lacks what only a verification can say: signers and verdicts.
func Export(ctx context.Context, w io.Writer, src Source, req Request) (Report, error) {
	x := exporter{src: src, req: req, held: members{}}
	blobs, err := x.gather(ctx)
	if err == nil {
		err = x.write(ctx, w, blobs)
	}
	return x.report, fault.Wrap(fault.Other, opExport, req.Reference.String(), err)
}

// exporter is one export.
type exporter struct {
	dossier
	src    Source
	req    Request
	held   members
	bytes  int64
	signed []byte // the namespace's checkpoint
	report Report
}

// gather makes all members but content, and lists that.
func (x *exporter) gather(ctx context.Context) (map[string]blob, error) {
	if x.req.Reference.Repository == "" || len(x.req.Referrers) > MaxReferrers {
		return nil, fault.New(fault.Invalid, opExport, "", "want a reference with a repository, and at most %d referrers", MaxReferrers)
	}
	if err := x.nodeLog(ctx); err != nil {
		return nil, err
	}
	events, err := x.namespaceLog(ctx)
	if err != nil {
		return nil, err
	}
	if x.block, err = x.src.Get(ctx, x.req.Manifest); err != nil {
		return nil, err
	}
	if err := x.put(nameManifest, x.block.Data); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(events, func(e located) bool { return e.index == x.req.Publication && e.Kind == eventlog.SignatureAttached }) {
		err := fault.New(fault.Invalid, opExport, "", "it is a signature or attestation")
		return nil, fault.Hint(err, "export the artifact that it is about: what vouches for that comes with it")
	}
	attached, err := x.relate(events)
	if err != nil {
		return nil, err
	}
	if r := x.req.Reference; r.Repository != x.reference.Repository || r.Tag != "" && r != x.reference {
		return nil, fault.New(fault.Corrupt, opExport, "", "the events are those of %s", x.reference)
	}
	for _, e := range attached {
		if err := x.referrer(ctx, e); err != nil {
			return nil, err
		}
	}
	blobs, err := x.layout(ctx)
	if err != nil {
		return nil, err
	}
	index, err := x.encode(x.held)
	if err != nil {
		return nil, err
	}
	return blobs, x.put(nameEvidence, index)
}

// put holds a member.
func (x *exporter) put(name string, data []byte) error {
	most := MaxMember
	if name == dirNode+nameLeaves || name == nameEvidence {
		most = MaxLarge
	}
	if x.bytes += int64(len(data)); len(data) > most || x.bytes > MaxHeld || len(x.held) == MaxMembers {
		return fault.New(fault.TooLarge, opExport, name, "the package would hold %d bytes in memory", x.bytes)
	}
	x.held[name] = data
	return nil
}

// nodeLog puts the node's log: every leaf, and the entries of what it says of
// keys and policies.
func (x *exporter) nodeLog(ctx context.Context) error {
	c, signed, err := x.src.Checkpoint(ctx, "")
	if err != nil {
		return err
	}
	x.node = c
	if err := x.put(dirNode+nameCheckpoint, signed); err != nil {
		return err
	}
	var all []byte
	err = x.src.Entries(ctx, "", 0, c.Size, func(i uint64, e eventlog.Entry) error {
		if len(all) > MaxLarge {
			return fault.New(fault.TooLarge, opExport, dirNode+nameLeaves, "the node's log is larger than %d bytes", MaxLarge)
		}
		if all, err = eventlog.AppendBundle(all, e.Leaf); err != nil {
			return err
		}
		header, err := eventlog.Entry{Leaf: e.Leaf}.Open()
		if err != nil || !kept(header.Kind) {
			return err
		}
		return x.nodeEntry(i, e)
	})
	if err != nil {
		return err
	}
	return x.put(dirNode+nameLeaves, all)
}

// nodeEntry puts an entry of the node's log, and the policy that it set.
func (x *exporter) nodeEntry(i uint64, e eventlog.Entry) error {
	event, err := x.entry(dirNode, i, e)
	if err != nil || event.Kind != eventlog.PolicySet {
		return err
	}
	x.epochs = append(x.epochs, event.Payload.Epoch)
	return x.put(numbered(dirPolicy, event.Payload.Epoch, suffixJSON), event.Payload.Policy)
}

// entry puts the member of an entry.
func (x *exporter) entry(dir string, i uint64, e eventlog.Entry) (eventlog.Event, error) {
	name := numbered(dir, i, suffixEntry)
	event, err := e.Open()
	if err == nil && event.Erased {
		err = fault.New(fault.Invalid, opExport, name, "the payload of the event was erased: there is nothing left to prove")
	}
	if err != nil {
		return event, err
	}
	data, err := e.Marshal()
	if err != nil {
		return event, err
	}
	return event, x.put(name, data)
}

// namespaceLog puts the events that the request names, each with its proof.
func (x *exporter) namespaceLog(ctx context.Context) ([]located, error) {
	namespace := x.req.Reference.Namespace()
	c, signed, err := x.src.Checkpoint(ctx, namespace)
	if err != nil {
		return nil, err
	}
	x.namespace, x.signed = c, signed
	if err := x.put(dirNamespace+nameCheckpoint, signed); err != nil {
		return nil, err
	}
	wanted := map[uint64]bool{x.req.Publication: true}
	if x.req.Reference.Tag != "" {
		wanted[x.req.Tag] = true
	}
	for _, i := range x.req.Referrers {
		wanted[i] = true
	}
	var events []located
	for _, i := range slices.Sorted(maps.Keys(wanted)) {
		if i >= c.Size {
			return nil, fault.New(fault.Corrupt, opExport, c.Origin, "event %d is asked for in a log of %d", i, c.Size)
		}
		event, err := x.namespaceEntry(ctx, i)
		if err != nil {
			return nil, err
		}
		events = append(events, located{event, i})
	}
	return events, nil
}

// namespaceEntry puts an entry of the namespace's log and its proof.
func (x *exporter) namespaceEntry(ctx context.Context, i uint64) (event eventlog.Event, err error) {
	namespace := x.req.Reference.Namespace()
	err = x.src.Entries(ctx, namespace, i, i+1, func(_ uint64, e eventlog.Entry) error {
		event, err = x.entry(dirNamespace, i, e)
		return err
	})
	if err != nil {
		return event, err
	}
	c := x.namespace
	hashes, err := eventlog.ProveInclusion(ctx, tiles{x.src, namespace}, c.Size, c.Root, i)
	if err != nil {
		return event, err
	}
	proof, err := eventlog.Proof{Index: i, Hashes: hashes, Checkpoint: x.signed}.Marshal()
	if err != nil {
		return event, err
	}
	return event, x.put(numbered(dirNamespace, i, suffixProof), proof)
}

// referrer puts a signature or attestation that e attached.
func (x *exporter) referrer(ctx context.Context, e located) error {
	b, err := x.src.Get(ctx, *e.Payload.Manifest)
	if err != nil {
		return err
	}
	if err := x.put(referrerName(b.CID.Digest)+nameManifest, b.Data); err != nil {
		return err
	}
	m, err := dag.DecodeManifest(b)
	if err != nil {
		return err
	}
	bundles, err := bundleLayers(b, m)
	if err != nil {
		return err
	}
	for n, d := range bundles {
		var data bytes.Buffer
		if err := stream(ctx, x.src, d.Root, &data); err != nil {
			return err
		}
		if err := x.put(bundleName(b.CID.Digest, n), data.Bytes()); err != nil {
			return err
		}
	}
	r, err := x.attach(e, func(name string) ([]byte, bool) {
		data, ok := x.held[name]
		return data, ok
	})
	x.referrers = append(x.referrers, r)
	return err
}
