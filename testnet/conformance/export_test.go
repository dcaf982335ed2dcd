package conformance_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/ingest"
)

// TestExportOfANode has the stock readers read what a node exports, as its logs
// grow beyond a tile and are exported into the same directory again.
func TestExportOfANode(t *testing.T) {
	dir := t.TempDir()
	cfg := node.Config{Dir: filepath.Join(t.TempDir(), "store"), StateDir: t.TempDir(), Create: true, Site: "example.org"}
	err := node.With(t.Context(), cfg, func(ctx context.Context, n *node.Node) error {
		put, err := n.Put(ctx, node.PutRequest{Repository: "acme/app", Content: ingest.Request{Paths: []string{"-"}, Stdin: strings.NewReader("1")}})
		if err != nil {
			return err
		}
		for _, size := range []int{1, 255, 256, 257, 700} {
			for i := logSize(t, ctx, n); i < size; i++ {
				r := dag.Reference{Repository: "acme/app", Digest: put.Artifact.Digest()}
				if _, err := n.Tag(ctx, r, "acme/app", fmt.Sprintf("t%d", i%5)); err != nil {
					return err
				}
			}
			checkExport(t, ctx, n, dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func logSize(t *testing.T, ctx context.Context, n *node.Node) int {
	t.Helper()
	l, err := n.Log(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	return int(l.Size)
}

// checkExport exports all logs of a node, and has each read.
func checkExport(t *testing.T, ctx context.Context, n *node.Node, dir string) {
	t.Helper()
	logs, err := n.Logs(ctx)
	if err != nil || len(logs) != 2 {
		t.Fatalf("logs: %v, %v", logs, err)
	}
	for _, l := range logs {
		done, err := n.ExportLog(ctx, l.Namespace, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("%s/%d", l.Origin, l.Size), func(t *testing.T) {
			exported{dir: done.Dir, origin: l.Origin, vkey: l.Key}.check(t, l.Size)
		})
	}
}

// TestProofOfANode has Torchwood verify what `log prove` gives out.
func TestProofOfANode(t *testing.T) {
	cfg := node.Config{Dir: filepath.Join(t.TempDir(), "store"), StateDir: t.TempDir(), Create: true, Site: "example.org"}
	err := node.With(t.Context(), cfg, func(ctx context.Context, n *node.Node) error {
		_, err := n.Put(ctx, node.PutRequest{Repository: "acme/app", Tag: "v1", Content: ingest.Request{Paths: []string{"-"}, Stdin: strings.NewReader("1")}})
		if err != nil {
			return err
		}
		p, err := n.Prove(ctx, dag.Reference{Repository: "acme/app", Tag: "v1"})
		if err != nil {
			return err
		}
		e, err := eventlog.UnmarshalEntry(p.Entry)
		if err != nil {
			return err
		}
		leaf := e.Hash()
		log := exported{origin: p.Log.Origin, vkey: p.Log.Key}
		if _, said, code := log.torchwood(t, p.Text, "verify", hex.EncodeToString(leaf[:])); code != 0 {
			t.Errorf("%s\n%s", said, p.Text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
