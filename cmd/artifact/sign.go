package main

import (
	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node"
)

func (p *program) signCommand() *cli.Command {
	return &cli.Command{
		Name:      "sign",
		Usage:     "sign an artifact",
		ArgsUsage: "REF",
		Description: `Signs the exact bytes of the manifest, and claims its name for it: both as Sigstore
bundles in one artifact that refers to it. A key is a name (see artifact keys ls), or the
path of a file with cosign's encrypted PEM, which has a dot or a slash in it.

artifact sign acme/app:v1 --key release
artifact sign acme/app:v1 --key ./cosign.key --as acme/prod/app:v1

To verify with cosign, offline:
artifact show acme/app:v1 --manifest > m.cbor
artifact get acme/app@DIGEST -o bundles        where sign printed DIGEST
cosign verify-blob --key release.pub --bundle bundles/signature.sigstore.json --insecure-ignore-tlog m.cbor

` + passphraseHelp + `

The fields of --json: ref, subject, digest (of the signature), key, name, for.`,
		Flags: []cli.Flag{
			keyFlag(),
			&cli.StringFlag{Name: "as", Usage: "claim another name for it, `REPO:TAG`, as to promote it there"},
			passphraseFlag(),
		},
		Action:       p.sign,
		BashComplete: p.completeReferences,
	}
}

func keyFlag() cli.Flag {
	return &cli.StringFlag{Name: "key", Usage: "the `KEY` to sign with: a name, or the path of a file"}
}

// signedJSON is what was attached, as sign and attest print it.
type signedJSON struct {
	Ref     string `json:"ref"`
	Subject string `json:"subject"`
	Digest  string `json:"digest"`
	Key     string `json:"key"`
	Name    string `json:"name,omitempty"`
	For     string `json:"for,omitempty"` // the name that was claimed
}

func (p *program) sign(c *cli.Context) error {
	r, err := oneReference(c)
	if err != nil {
		return err
	}
	req := node.SignRequest{Reference: r}
	if req.Repository, req.Tag, err = parseName(c.String("as")); err != nil {
		return err
	}
	return p.withKey(c, func(c *cli.Context, n *node.Node, key node.SigningKey) error {
		req.Key = key
		done, err := n.Sign(c.Context, req)
		if err != nil {
			return err
		}
		p.signed(r, done, "signed")
		return nil
	})
}

// withKey opens the node and the key of --key, and calls fn. Nobody is kept from
// the store while a passphrase is asked for.
func (p *program) withKey(c *cli.Context, fn func(*cli.Context, *node.Node, node.SigningKey) error) error {
	name := c.String("key")
	if name == "" {
		return usage("sign with which key? Name one with --key; see artifact keys ls")
	}
	passphrase, err := p.passphrase(c, "the key "+name, false)
	if err != nil {
		return err
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		key, err := n.OpenKey(c.Context, name, passphrase)
		if err != nil {
			return err
		}
		return fn(c, n, key)
	})
}

func (p *program) signed(r dag.Reference, done node.Signed, did string) {
	out := signedJSON{
		Ref: r.String(), Subject: done.Subject.Digest().String(), Digest: done.Referrer.Digest().String(),
		Key: string(done.Key.ID()), Name: done.Key.Name, For: nameText(done.Name.Repository, done.Name.Tag),
	}
	p.result(out, "%s", out.Digest)
	by := out.Name
	if by == "" {
		by = out.Key
	}
	p.say("%s %s by %s: %s@%s", did, r, by, done.Referrer.Repository, out.Digest)
}

func nameText(repository, tag string) string {
	if tag == "" {
		return repository
	}
	return repository + ":" + tag
}
