package main

import (
	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/restore"
)

func (p *program) getCommand() *cli.Command {
	return &cli.Command{
		Name:      "get",
		Usage:     "write an artifact to disk, every byte verified",
		ArgsUsage: "REF",
		Description: `REF is REPO:TAG, REPO@DIGEST or DIGEST. The artifact's files are written into a
directory: the one that -o names, or else ./NAME, where NAME is the last part of
the repository. An artifact that is one file is written into the current
directory then. With "-o -" one file goes to standard output.

A get that was cut short goes on from there when it is run again.

artifact get acme/app:v1
artifact get acme/app:v1 -o /srv/app --path bin --path etc/app.conf
artifact get acme/backup:monday -o - | psql db

The fields of --json: ref, digest, target, files, bytes, skipped, resumed_bytes, seconds.
With "-o -" the content is all that is printed.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `DIRECTORY` to write into, or - for standard output"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace files that differ"},
			&cli.StringSliceFlag{Name: "path", Usage: "only what is at this `PATH` in the artifact; repeatable"},
		},
		Action:       p.get,
		BashComplete: p.completeReferences,
	}
}

// get's result.
type getJSON struct {
	Ref     string  `json:"ref"`
	Digest  string  `json:"digest"`
	Target  string  `json:"target"`
	Files   int64   `json:"files"`         // written, symlinks included
	Bytes   int64   `json:"bytes"`         // of them
	Skipped int64   `json:"skipped"`       // that were there and right
	Resumed int64   `json:"resumed_bytes"` // that an earlier get had written
	Seconds float64 `json:"seconds"`
}

func (p *program) get(c *cli.Context) error {
	r, err := oneReference(c)
	if err != nil {
		return err
	}
	if c.String("output") == "-" {
		return p.cat(c, r)
	}
	req := node.GetRequest{
		Reference: r, Target: c.String("output"), Overwrite: c.Bool("overwrite"), Paths: c.StringSlice("path"),
		Progress: p.restoring,
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		res, err := n.Get(c.Context, req)
		if err != nil {
			return err
		}
		p.result(getJSON{
			Ref: r.String(), Digest: res.Artifact.Digest().String(), Target: res.Target, Files: res.Files, Bytes: res.Bytes,
			Skipped: res.Skipped, Resumed: res.Resumed, Seconds: seconds(res.Elapsed),
		}, "%s", res.Target)
		p.say("got %s: %s, %s; %s there already; %.1f s, %s", r, count(res.Files, "file"), size(res.Bytes),
			count(res.Skipped, "file"), res.Elapsed.Seconds(), rate(res.Bytes, res.Elapsed))
		return nil
	})
}

// cat writes one file to standard output. It has no other result, since the
// content may be anything.
func (p *program) cat(c *cli.Context, r dag.Reference) error {
	paths := c.StringSlice("path")
	if len(paths) > 1 || c.Bool("overwrite") {
		return usage("with -o - there is one file: at most one --path, and nothing to overwrite")
	}
	path := ""
	if len(paths) == 1 {
		path = paths[0]
	}
	p.streams = true
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		_, err := n.Cat(c.Context, r, path, p.stdout)
		return err
	})
}

func (p *program) restoring(e restore.Event) { p.bar.bytesDone(e.Bytes, e.TotalBytes) }

// oneReference reads the one argument of a command.
func oneReference(c *cli.Context) (dag.Reference, error) {
	if c.NArg() != 1 {
		return dag.Reference{}, usage("%s takes one reference, as in acme/report:v1", c.Command.Name)
	}
	return parseReference(c.Args().First())
}

func parseReference(s string) (dag.Reference, error) {
	r, err := dag.ParseReference(s)
	if err != nil {
		return r, usageError{err}
	}
	return r, nil
}
