package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node"
)

func (p *program) lsCommand() *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "list the artifacts that have names",
		ArgsUsage: "[PREFIX]",
		Description: `Lists references, or those that begin with PREFIX.

artifact ls
artifact ls acme/ --all
artifact ls acme/ --at 120      as it was after the first 120 events of the log of acme

With --json a line for each: ref, repository, tag, digest, published.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "also those that no tag names"},
			atFlag,
		},
		Action:       p.ls,
		BashComplete: p.completeReferences,
	}
}

// atFlag asks for the past.
var atFlag = &cli.Uint64Flag{Name: "at", Usage: "as it was after the first `N` events of the namespace's log"}

// refJSON is a reference, as ls prints it.
type refJSON struct {
	Ref        string    `json:"ref"`
	Repository string    `json:"repository"`
	Tag        string    `json:"tag,omitempty"`
	Digest     string    `json:"digest"`
	Published  time.Time `json:"published"`
}

func (p *program) ls(c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("ls takes at most one prefix")
	}
	prefix := c.Args().First()
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		if !p.json {
			fmt.Fprintln(table, "REFERENCE\tDIGEST\tPUBLISHED")
		}
		repositories, _, _ := strings.Cut(prefix, ":")
		repositories, _, _ = strings.Cut(repositories, "@")
		each := func(a node.Artifact) error {
			for _, r := range references(a, c.Bool("all")) {
				if strings.HasPrefix(r.String(), prefix) {
					p.listed(table, a, r)
				}
			}
			return nil
		}
		var err error
		if c.IsSet("at") {
			err = p.listAt(c, n, repositories, each)
		} else {
			err = n.List(c.Context, repositories, each)
		}
		p.note(table.Flush())
		return err
	})
}

// listAt lists what was. Sizes are those of one log, which the prefix names.
func (p *program) listAt(c *cli.Context, n *node.Node, prefix string, each func(node.Artifact) error) error {
	namespace, _, whole := strings.Cut(prefix, "/")
	if !whole {
		only, err := onlyNamespace(c, n)
		if err == nil && !strings.HasPrefix(only, prefix) {
			err = usage("there is no namespace %s", prefix)
		}
		if err != nil {
			return err
		}
		namespace = only
	}
	return n.ListAt(c.Context, namespace, c.Uint64("at"), prefix, each)
}

// references are the names of a: its tags or, where it has none and untagged
// ones are wanted, its digest.
func references(a node.Artifact, untagged bool) []dag.Reference {
	var refs []dag.Reference
	for _, tag := range a.Tags {
		refs = append(refs, dag.Reference{Repository: a.Repository, Tag: tag})
	}
	if len(refs) == 0 && untagged {
		refs = append(refs, dag.Reference{Repository: a.Repository, Digest: a.Digest()})
	}
	return refs
}

func (p *program) listed(table *tabwriter.Writer, a node.Artifact, r dag.Reference) {
	if p.json {
		p.result(refJSON{
			Ref: r.String(), Repository: a.Repository, Tag: r.Tag, Digest: a.Digest().String(), Published: a.Published.UTC(),
		}, "")
		return
	}
	_, err := fmt.Fprintf(table, "%s\t%s\t%s\n", r, short(a.Digest()), a.Published.Local().Format(time.DateTime))
	p.note(err)
}
