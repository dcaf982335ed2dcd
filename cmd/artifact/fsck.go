package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
)

func (p *program) fsckCommand() *cli.Command {
	return &cli.Command{
		Name:  "fsck",
		Usage: "read every byte of the store and check it",
		Description: `Names each problem with the file, the place in it, the block, and the artifacts and
paths that need it. Exit code 4 says that there is one.

artifact fsck
artifact fsck --rebuild-index     first build the index anew, from the packs alone

The fields of --json: ok, segments, blocks, artifacts, bytes, problems: a list of {file,
offset, block, owners, reason}.`,
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "rebuild-index", Usage: "build the index anew from the packs"}},
		Action: p.fsck,
	}
}

type fsckJSON struct {
	OK        bool              `json:"ok"`
	Segments  int64             `json:"segments"`
	Blocks    int64             `json:"blocks"`
	Artifacts int64             `json:"artifacts"`
	Bytes     int64             `json:"bytes"`
	Problems  []fsckProblemJSON `json:"problems"`
}

type fsckProblemJSON struct {
	File   string   `json:"file,omitempty"` // "" is the index
	Offset int64    `json:"offset"`
	Block  string   `json:"block,omitempty"`
	Owners []string `json:"owners"` // each "repository@digest path"
	Reason string   `json:"reason"`
}

func (p *program) fsck(c *cli.Context) error {
	if c.Args().Present() {
		return usage("fsck takes no arguments")
	}
	if c.Bool("rebuild-index") {
		cfg, err := p.config(c)
		if err != nil {
			return err
		}
		if err := node.RebuildIndex(c.Context, cfg, p.bar.stepsDone); err != nil {
			return err
		}
		p.say("the index is built anew")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		report, err := n.Fsck(c.Context, p.bar.bytesDone)
		if err != nil && !fault.Is(err, fault.Corrupt) {
			return err
		}
		p.showFsck(report, err == nil)
		return err
	})
}

func (p *program) showFsck(r node.FsckReport, ok bool) {
	out := fsckJSON{
		OK: ok, Segments: r.Segments, Blocks: r.Blocks, Artifacts: r.Artifacts, Bytes: r.Bytes,
		Problems: make([]fsckProblemJSON, 0, len(r.Problems)),
	}
	var text strings.Builder
	for _, f := range r.Problems {
		out.Problems = append(out.Problems, fsckProblemJSON{
			File: f.File, Offset: f.Offset, Block: f.Block, Owners: append([]string{}, f.Owners...), Reason: f.Reason,
		})
		writeProblem(&text, f)
	}
	verdict := "ok"
	if !ok {
		verdict = count(len(r.Problems), "problem")
	}
	p.result(out, "%s%s: %s, %s, %s, %s", text.String(), verdict, count(r.Segments, "segment"), count(r.Blocks, "block"),
		count(r.Artifacts, "artifact"), size(r.Bytes))
}

func writeProblem(w *strings.Builder, f node.FsckProblem) {
	place := "index"
	if f.File != "" {
		place = fmt.Sprintf("%s offset %d", f.File, f.Offset)
	}
	fmt.Fprintf(w, "%s: %s\n", place, f.Reason)
	if f.Block != "" {
		fmt.Fprintf(w, "  block %s\n", f.Block)
	}
	for _, owner := range f.Owners {
		fmt.Fprintf(w, "  needed by %s\n", plain(owner))
	}
}
