package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node"
)

func (p *program) tagCommand() *cli.Command {
	return &cli.Command{
		Name:      "tag",
		Usage:     "give an artifact a name",
		ArgsUsage: "REF REPO:TAG",
		Description: `A tag that is there already moves. Nothing is copied.

artifact tag acme/app:v1 acme/app:stable
artifact tag blake3:4f1c... acme/app:v0

The fields of --json: ref, repository, tag, digest, published.`,
		Action:       p.tag,
		BashComplete: p.completeReferences,
	}
}

func (p *program) tag(c *cli.Context) error {
	if c.NArg() != 2 {
		return usage("tag takes a reference and a name, as in acme/app:v1 acme/app:stable")
	}
	from, err := parseReference(c.Args().Get(0))
	if err != nil {
		return err
	}
	to, err := parseReference(c.Args().Get(1))
	if err != nil {
		return err
	}
	if to.Tag == "" {
		return usage("%s has no tag to give", to)
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		a, err := n.Tag(c.Context, from, to.Repository, to.Tag)
		if err != nil {
			return err
		}
		p.result(refJSON{
			Ref: to.String(), Repository: a.Repository, Tag: to.Tag, Digest: a.Digest().String(), Published: a.Published.UTC(),
		}, "%s is %s", to, a.Digest())
		return nil
	})
}

func (p *program) rmCommand() *cli.Command {
	return &cli.Command{
		Name:      "rm",
		Usage:     "take artifacts away",
		ArgsUsage: "REF...",
		Description: `REPO:TAG takes away the tag, and with the last tag the artifact from its repository.
REPO@DIGEST takes away the artifact, which is refused while tags name it. An artifact's
signatures and attestations go with it. The space is freed by artifact gc.

artifact rm acme/app:v1 acme/app:v2
artifact rm acme/app@blake3:4f1c... --with-tags

With --json a line for each: ref, digest, tags (that are gone), removed (whether the
artifact is out of the repository), referrers (digests of the signatures and
attestations that went with it).`,
		Flags:        []cli.Flag{&cli.BoolFlag{Name: "with-tags", Usage: "also the tags that name it"}},
		Action:       p.rm,
		BashComplete: p.completeReferences,
	}
}

type rmJSON struct {
	Ref     string   `json:"ref"`
	Digest  string   `json:"digest"`
	Tags    []string `json:"tags"`
	Removed bool     `json:"removed"`

	Referrers []string `json:"referrers,omitempty"`
}

func (p *program) rm(c *cli.Context) error {
	if c.NArg() == 0 {
		return usage("rm what? Name references, as in acme/app:v1")
	}
	var refs []dag.Reference
	for _, arg := range c.Args().Slice() {
		r, err := parseReference(arg)
		if err != nil {
			return err
		}
		refs = append(refs, r)
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		var failed error
		for _, r := range refs {
			done, err := n.Remove(c.Context, r, c.Bool("with-tags"))
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			p.removed(r, done)
		}
		return failed
	})
}

func (p *program) removed(r dag.Reference, done node.Removal) {
	text := fmt.Sprintf("removed %s", r)
	switch {
	case !done.Whole:
		text += "; the artifact has other tags"
	case r.Tag == "" && len(done.Tags) > 0:
		text += " and its tags " + strings.Join(done.Tags, " ")
	}
	out := rmJSON{
		Ref: r.String(), Digest: done.Artifact.Digest().String(), Tags: append([]string{}, done.Tags...), Removed: done.Whole,
	}
	for _, f := range done.Referrers {
		out.Referrers = append(out.Referrers, f.Digest().String())
	}
	if n := len(out.Referrers); n > 0 {
		text += ", and what vouched for it: " + count(n, "referrer")
	}
	p.result(out, "%s", text)
}
