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
		Usage:     "read every byte of an artifact and check it, and who has signed it",
		ArgsUsage: "REF",
		Description: `Checks each block, each file's whole content by every digest that is known of it,
and the OCI manifest, and lists what is signed. With --key it demands a signature by each
of the keys, of the manifest or of a claim for this very name. Exit code 4 says that
something is wrong or missing.

A key is a name or an id (see artifact keys ls), or the path of a public key in PEM, which
has a dot or a slash in it. A name stands for the keys that had it before, too.

artifact verify acme/app:v1
artifact verify acme/app:v1 --key release --key ./vendor.pub

The fields of --json: ref, digest, ok, files, bytes, blocks, sealed, problems: a list of
{part, path, block, kind, text}, and unlisted, the number of further ones; signatures: a
list of {referrer, kind, key, name, type, for, ok, why}.`,
		Flags:        []cli.Flag{&cli.StringSliceFlag{Name: "key", Usage: "the `KEY` that must have signed it; repeatable"}},
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

	Signatures []signatureJSON `json:"signatures,omitempty"`
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
		var signatures []node.Signature
		if err == nil {
			signatures, err = n.Signatures(c.Context, r, c.StringSlice("key")...)
		}
		if err != nil && !fault.Is(err, fault.Corrupt) {
			return err
		}
		p.showVerified(verifyJSON{
			Ref: r.String(), Digest: a.Digest().String(), OK: err == nil, Files: report.Files, Bytes: report.Bytes,
			Blocks: report.Blocks, Sealed: report.Sealed, Unlisted: report.Unlisted,
			Signatures: shownSignatures(signatures),
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
	switch {
	case !out.OK && len(out.Problems) > 0:
		verdict = "damaged"
	case !out.OK:
		verdict = "not signed"
	}
	for _, s := range out.Signatures {
		p.say("%s", s.text())
	}
	p.result(out, "%s %s: %s, %s, %s", verdict, out.Ref, count(out.Files, "file"), size(out.Bytes), count(out.Blocks, "block"))
}
