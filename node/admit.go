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
	err = n.admitted(ctx, p, func(adm trust.Admission, p store.Publication) error {
		a, err = lease.Publish(ctx, adm, p)
		return err
	})
	return a, err
}

// admitted calls do with the policy's leave for p, anew where the policy has
// changed since it was given.
func (n *Node) admitted(ctx context.Context, p store.Publication, do func(trust.Admission, store.Publication) error) (err error) {
	for range admissions {
		var adm trust.Admission
		if adm, p.Revocations, err = n.admit(ctx, p); err != nil {
			return err
		}
		if err = do(adm, p); !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return err
}
