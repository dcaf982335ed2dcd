package node

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"slices"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
	"github.com/tegwick/artifact-store/trust/evidence"
)

// EvidenceReport tells what a package proves.
type EvidenceReport = evidence.Report

// evidenceSource is what packages are made from.
type evidenceSource struct{ *store.Store }

// Checkpoint implements [evidence.Source].
func (s evidenceSource) Checkpoint(ctx context.Context, namespace string) (eventlog.Checkpoint, []byte, error) {
	l, err := s.Log(ctx, namespace)
	if err != nil {
		return eventlog.Checkpoint{}, nil, err
	}
	signed, err := Log{Log: l}.Signed()
	return eventlog.Checkpoint{Origin: l.Origin, Size: l.Size, Root: l.Root}, signed, err
}

// ExportEvidence writes all that proves an artifact into one deterministic
// file: see package evidence. Errors are those of [evidence.Export].
func (n *Node) ExportEvidence(ctx context.Context, w io.Writer, r dag.Reference, withoutContent bool) (EvidenceReport, error) {
	const op = "export evidence"
	a, err := n.resolve(ctx, r)
	if err != nil {
		return EvidenceReport{}, fault.Wrap(fault.Other, op, r.String(), err)
	}
	req := evidence.Request{
		Reference: nameOf(a, r.Tag), Manifest: a.Manifest, Publication: a.Index, WithoutContent: withoutContent,
	}
	if r.Tag != "" {
		if req.Tag, err = n.store.TagIndex(ctx, a.Repository, r.Tag); err != nil {
			return EvidenceReport{}, fault.Wrap(fault.Other, op, r.String(), err)
		}
	}
	if req.Referrers, err = n.vouchers(ctx, a); err != nil {
		return EvidenceReport{}, fault.Wrap(fault.Other, op, r.String(), err)
	}
	report, err := evidence.Export(ctx, w, evidenceSource{n.store}, req)
	return report, fault.Wrap(fault.Other, op, r.String(), err)
}

// vouchers are the indices of the signatures and attestations of an artifact in
// the log of its namespace: it may have been signed in another repository.
func (n *Node) vouchers(ctx context.Context, a Artifact) ([]uint64, error) {
	repositories, err := n.store.Repositories(ctx, a.Digest())
	if err != nil {
		return nil, err
	}
	namespace := dag.Reference{Repository: a.Repository}.Namespace()
	var indices []uint64
	for _, repository := range repositories {
		if (dag.Reference{Repository: repository}).Namespace() != namespace {
			continue
		}
		found, err := n.store.Referrers(ctx, repository, a.Digest())
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if f.Signature {
				indices = append(indices, f.Index)
			}
		}
	}
	slices.Sort(indices)
	return indices, nil
}

// VerifyEvidence verifies a package by nothing but root keys, which are public
// keys as PEM: of a root of its policies, or of the node that wrote the logs.
// It needs no store. Errors are those of [evidence.Verify].
func VerifyEvidence(ctx context.Context, r io.Reader, roots [][]byte, now time.Time) (EvidenceReport, error) {
	var keys []trust.Key
	for _, text := range roots {
		k, err := trust.ParseKey(text)
		if err != nil {
			return EvidenceReport{}, fault.Wrap(fault.Invalid, "verify evidence", "root", err)
		}
		keys = append(keys, k)
	}
	return evidence.Verify(ctx, r, keys, now)
}

// PublicKey returns the node's own public key as PEM (RFC 7468), by which its
// logs can be verified. Errors: [fault.NotFound] where the node has lost it.
func (n *Node) PublicKey() ([]byte, error) {
	if n.identity.Key == nil {
		return nil, fault.New(fault.NotFound, "read node key", "", "the node has lost its key")
	}
	der, err := x509.MarshalPKIXPublicKey(n.identity.Key.Public())
	if err != nil {
		return nil, fault.Wrap(fault.Other, "write node key", "", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}
