package main

import (
	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/restore"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "read every byte of an artifact and check it",
		ArgsUsage: "REF",
		Description: `Checks each block, each file's whole content by every digest that is known of it,
and the OCI manifest. Exit code 4 says that something is wrong.

artifact verify acme/app:v1

The fields of --json: ref, digest, ok, files, bytes, blocks, sealed, problems: a list of
{part, path, block, kind, text}, and unlisted, the number of further ones.`,
		Action:       p.verify,
		BashComplete: p.completeReferences,
	}
}

type verifyJSON struct {
	Ref      string              `json:"ref"`
	Digest   string              `json:"digest"`
	OK       bool                `json:"ok"`
	Files    int64               `json:"files"`
	Bytes    int64               `json:"bytes"`
	Blocks   int64               `json:"blocks"`
	Sealed   int64               `json:"sealed"` // blobs of which only the ciphertext could be checked
	Problems []verifyProblemJSON `json:"problems"`
	Unlisted int64               `json:"unlisted"`
}

type verifyProblemJSON struct {
	Part  string `json:"part"`
	Path  string `json:"path,omitempty"`
	Block string `json:"block"`
	Kind  string `json:"kind"`
	Text  string `json:"text"`
}

func (p *program) verify(c *cli.Context) error {
	r, err := oneReference(c)
	if err != nil {
		return err
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		a, report, err := n.Verify(c.Context, r, p.restoring)
		if err != nil && !fault.Is(err, fault.Corrupt) {
			return err
		}
		p.showVerified(verifyJSON{
			Ref: r.String(), Digest: a.Digest().String(), OK: err == nil, Files: report.Files, Bytes: report.Bytes,
			Blocks: report.Blocks, Sealed: report.Sealed, Unlisted: report.Unlisted,
		}, report)
		return err
	})
}

func (p *program) showVerified(out verifyJSON, report restore.Report) {
	out.Problems = make([]verifyProblemJSON, 0, len(report.Problems))
	for _, f := range report.Problems {
		out.Problems = append(out.Problems, verifyProblemJSON{
			Part: string(f.Part), Path: f.Path, Block: f.Block.String(), Kind: f.Kind.String(), Text: f.Text,
		})
		p.say("%s", f)
	}
	verdict := "ok"
	if !out.OK {
		verdict = "damaged"
	}
	p.result(out, "%s %s: %s, %s, %s", verdict, out.Ref, count(out.Files, "file"), size(out.Bytes), count(out.Blocks, "block"))
}
