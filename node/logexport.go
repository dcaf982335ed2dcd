package node

import (
	"context"

	"github.com/tegwick/artifact-store/node/audit"
)

// Exported tells what an export did.
type Exported = audit.Exported

// ExportLog writes the log of a namespace, or with "" the node's, beneath dir,
// in a directory named by its origin, as the static files of C2SP tlog-tiles;
// or adds what is new to what it wrote there before. Errors: [fault.NotFound];
// [fault.Denied] where the log has no signed checkpoint; those of
// [audit.Export].
func (n *Node) ExportLog(ctx context.Context, namespace, dir string, progress LogProgress) (Exported, error) {
	l, err := n.Log(ctx, namespace)
	if err != nil {
		return Exported{}, err
	}
	signed, err := l.Signed()
	if err != nil {
		return Exported{}, err
	}
	v, err := l.verifier()
	if err != nil {
		return Exported{}, err
	}
	return audit.Export(ctx, dir, l.head(), signed, kept{n.store, namespace}, v, progress)
}
