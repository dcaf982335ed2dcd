package evidence

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// Verify reads a package and says what it proves to someone who trusts the
// roots, and nothing else. now is for what expires.
//
// Each root must either have signed the first policy in the package, or be
// the key of the node that wrote the logs; at least one is needed. From
// there the chain of policies is followed, the newest names the keys of the
// logs, the logs prove the artifact's publication and its signatures, and the
// artifact's manifest its content, which is hashed as it passes.
//
// Where anything is wrong, the report lists every problem that was found with
// the member's name, and the error is [fault.Corrupt] for bytes that are not
// what was exported, and [fault.Denied] for what no root stands for, or what
// the policy did not allow to be published. A package over the limits is
// [fault.TooLarge], one of a newer layout [fault.Invalid]. An error of r has
// its own kind.
func Verify(ctx context.Context, r io.Reader, roots []trust.Key, now time.Time) (Report, error) {
	v := &verification{
		roots: roots, now: now, seen: map[string]bool{},
		contents: contents{held: members{}, blobs: map[string]int64{}},
	}
	if err := v.read(ctx, r); err != nil {
		return v.report, fault.Wrap(fault.Other, opVerify, "", err)
	}
	for _, step := range []func(context.Context){
		v.readVersion, v.readLogs, v.readArtifact, v.readContent, v.readReferrers, v.compare, v.judge,
	} {
		if len(v.found) > 0 {
			break
		}
		step(ctx)
	}
	v.report.Problems = v.found
	return v.report, v.found.err()
}

// verification is one verification of a package. Its steps stand on each
// other: after one that found a problem no other is taken.
type verification struct {
	contents
	dossier
	roots  []trust.Key
	now    time.Time
	seen   map[string]bool // the members that are needed
	report Report

	chain       []inForce // the policies, in order
	revoked     []trust.Revocation
	revocations uint64 // how long the node's log was with the last of them
	keys        keyring
	events      []located // of the namespace's log
	attached    []located // those that attached a referrer
}

// take returns a member that is needed, and notes where it is not there.
func (v *verification) take(name string) ([]byte, bool) {
	data, ok := v.held[name]
	v.seen[name] = true
	if !ok {
		v.found.corrupt(name, "the member is missing")
	}
	return data, ok
}

// readVersion tells a package of a newer layout from a damaged one.
func (v *verification) readVersion(context.Context) {
	if data, ok := v.take(nameEvidence); ok && newer(data) {
		v.found.add(fault.Invalid, nameEvidence, "it was made by a newer version of artifact: upgrade to verify it")
	}
}

// readArtifact reads the manifest and what the log says of it.
func (v *verification) readArtifact(context.Context) {
	data, ok := v.take(nameManifest)
	if !ok {
		return
	}
	v.block = dag.NewBlock(dag.Cbor, data)
	attached, err := v.relate(v.events)
	if !v.blame(nameManifest, err) {
		return
	}
	v.attached = attached
	v.describe(&v.report)
}

// readContent compares the content with what the manifest names.
func (v *verification) readContent(ctx context.Context) {
	var want map[string]blob
	var err error
	pages := pageGetter{v.held, v.seen}
	if _, v.content = v.held[nameLayout]; v.content {
		want, err = content(ctx, v.manifest, pages)
	} else {
		err = v.manifest.Layers(ctx, pages, "", func(dag.Descriptor) error { return nil })
	}
	if !v.blame(nameManifest, err) {
		return
	}
	for name, b := range want {
		switch size, ok := v.blobs[name]; {
		case !ok:
			v.found.corrupt(name, "the content is missing")
		case size != b.size:
			v.found.corrupt(name, "it has %d bytes where the manifest says %d", size, b.size)
		}
		v.report.Bytes += uint64(b.size)
	}
	for name := range v.blobs {
		if _, ok := want[name]; !ok {
			v.found.corrupt(name, "it is content that the manifest does not name")
		}
	}
	v.report.Content, v.report.Blobs = v.content, len(want)
}

// readReferrers reads the signatures and attestations.
func (v *verification) readReferrers(context.Context) {
	if len(v.attached) > MaxReferrers {
		v.found.add(fault.TooLarge, dirNamespace, "%d signatures and attestations, where %d are the most", len(v.attached), MaxReferrers)
		return
	}
	for _, e := range v.attached {
		r, err := v.attach(e, v.take)
		if v.blame(nameManifest, err) {
			v.referrers = append(v.referrers, r)
		}
	}
}

// compare holds what only follows from the rest against what follows, and
// finds the members that nothing needs.
func (v *verification) compare(context.Context) {
	if v.content {
		tag := ""
		if v.tag != nil {
			tag = v.tag.Payload.Tag
		}
		index, err := indexFile(v.manifest, tag)
		v.same(nameIndex, index, err)
		v.same(nameLayout, []byte(layoutFile), nil)
	}
	for name := range v.held.within("") {
		if !v.seen[name] {
			v.found.corrupt(name, "nothing in the package needs it")
		}
	}
	if len(v.found) == 0 {
		index, err := v.encode(v.held)
		v.same(nameEvidence, index, err)
	}
}

// same notes where a member is not the bytes that follow from the others.
func (v *verification) same(name string, want []byte, err error) {
	data, ok := v.take(name)
	if v.found.note(name, err) && ok && !bytes.Equal(data, want) {
		at := 0
		for at < min(len(data), len(want)) && data[at] == want[at] {
			at++
		}
		v.found.corrupt(name, "it does not agree with the other members, from byte %d on", at)
	}
}

// blame notes err as a problem of the member that it names, or of otherwise.
func (v *verification) blame(otherwise string, err error) bool {
	var named *fault.Error
	for at := err; errors.As(at, &named); at = named.Err {
		if _, ok := v.held[named.What]; ok || v.seen[named.What] {
			otherwise = named.What
		}
	}
	return v.found.note(otherwise, err)
}
