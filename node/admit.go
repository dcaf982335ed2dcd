package node

import (
	"context"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
)

// admissions is how often a publication asks for leave again where the policy
// changes beneath it.
const admissions = 3

// publish asks the policy for leave, and publishes what the lease holds. It is
// the one way in.
func (n *Node) publish(ctx context.Context, lease *store.Lease, p store.Publication) (a Artifact, err error) {
	subject := trust.Subject{
		Repository: p.Repository, Tag: p.Tag, Manifest: p.Manifest, ArtifactType: p.ArtifactType, SubjectOf: p.Subject,
	}
	err = n.admitted(ctx, subject, func(adm trust.Admission) error {
		a, err = lease.Publish(ctx, adm, p)
		return err
	})
	return a, err
}

// admitted calls do with the policy's leave for s, anew where the policy has
// changed since it was given.
func (n *Node) admitted(ctx context.Context, s trust.Subject, do func(trust.Admission) error) (err error) {
	for range admissions {
		var adm trust.Admission
		if adm, err = n.admit(ctx, s); err != nil {
			return err
		}
		if err = do(adm); !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return err
}

func (n *Node) admit(_ context.Context, s trust.Subject) (trust.Admission, error) {
	var open *trust.Policy
	return open.Admit(s, nil, n.now())
}
