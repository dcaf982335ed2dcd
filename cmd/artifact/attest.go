package main

import (
	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

func (p *program) attestCommand() *cli.Command {
	return &cli.Command{
		Name:      "attest",
		Usage:     "sign a statement about an artifact",
		ArgsUsage: "REF",
		Description: `The statement is in-toto's: FILE is its predicate, a JSON object of at most 4 MiB, whose
type is a URI. It is kept as a Sigstore bundle, in an artifact that refers to REF.

artifact attest acme/app:v1 --key ci --type https://slsa.dev/provenance/v1 --predicate provenance.json

To verify with cosign, offline:
artifact show acme/app:v1 --manifest > m.cbor
artifact get acme/app@DIGEST -o bundles        where attest printed DIGEST
cosign verify-blob-attestation --key ci.pub --bundle bundles/attestation.sigstore.json \
   --type https://slsa.dev/provenance/v1 --insecure-ignore-tlog m.cbor

` + passphraseHelp + `

The fields of --json: ref, subject, digest (of the attestation), key, name.`,
		Flags: []cli.Flag{
			keyFlag(),
			&cli.StringFlag{Name: "predicate", Usage: "the `FILE` with what is stated"},
			&cli.StringFlag{Name: "type", Usage: "the `URI` of its type"},
			passphraseFlag(),
		},
		Action:       p.attest,
		BashComplete: p.completeReferences,
	}
}

func (p *program) attest(c *cli.Context) error {
	r, err := oneReference(c)
	if err != nil {
		return err
	}
	req := node.AttestRequest{Reference: r, Type: c.String("type")}
	if req.Type == "" || c.String("predicate") == "" {
		return usage("attest to what? Name --predicate FILE and --type URI")
	}
	if req.Predicate, err = readAtMost(c.String("predicate"), node.MaxPredicate); err != nil {
		return err
	}
	return p.withKey(c, func(c *cli.Context, n *node.Node, key node.SigningKey) error {
		req.Key = key
		done, err := n.Attest(c.Context, req)
		if err != nil {
			return err
		}
		p.signed(r, done, "attested to")
		return nil
	})
}
