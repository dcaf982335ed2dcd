package main

import (
	"encoding/hex"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make a store",
		Description: `Makes a store in the directory that --dir or ARTIFACT_DIR names, which must be absent or
empty. Where there is one already, nothing happens. put does this by itself.

The fields of --json: dir, id, created.`,
		Action: p.init,
	}
}

type initJSON struct {
	Dir     string `json:"dir"`
	ID      string `json:"id"`
	Created bool   `json:"created"`
}

func (p *program) init(c *cli.Context) error {
	if c.Args().Present() {
		return usage("init takes no arguments: name the directory with --dir")
	}
	return p.with(c, func(cfg *node.Config) { cfg.Create = true }, func(_ *cli.Context, n *node.Node) error {
		id := n.ID()
		p.result(initJSON{Dir: n.Dir(), ID: hex.EncodeToString(id[:]), Created: n.Created()}, "%s", n.Dir())
		return nil
	})
}

func (p *program) statsCommand() *cli.Command {
	return &cli.Command{
		Name:  "stats",
		Usage: "count what the store holds",
		Description: `The fields of --json: dir, repositories, artifacts, tags, blocks, plain_bytes (of the blocks),
stored_bytes (the same, as they are stored), segments, disk_bytes (of their files),
free_bytes (of the file system).`,
		Action: p.stats,
	}
}

type statsJSON struct {
	Dir          string `json:"dir"`
	Repositories int64  `json:"repositories"`
	Artifacts    int64  `json:"artifacts"`
	Tags         int64  `json:"tags"`
	Blocks       int64  `json:"blocks"`
	PlainBytes   int64  `json:"plain_bytes"`
	StoredBytes  int64  `json:"stored_bytes"`
	Segments     int64  `json:"segments"`
	DiskBytes    int64  `json:"disk_bytes"`
	FreeBytes    uint64 `json:"free_bytes"`
}

func (p *program) stats(c *cli.Context) error {
	if c.Args().Present() {
		return usage("stats takes no arguments")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		s, err := n.Stats(c.Context)
		if err != nil {
			return err
		}
		p.result(statsJSON{
			Dir: n.Dir(), Repositories: s.Repositories, Artifacts: s.Artifacts, Tags: s.Tags, Blocks: s.Blocks,
			PlainBytes: s.PlainBytes, StoredBytes: s.StoredBytes, Segments: s.Segments, DiskBytes: s.DiskBytes, FreeBytes: s.FreeBytes,
		}, "%s\n%s, %s, %s\n%s: %s, stored as %s\n%s: %s on disk, %s free", n.Dir(),
			count(s.Repositories, "repository"), count(s.Artifacts, "artifact"), count(s.Tags, "tag"),
			count(s.Blocks, "block"), size(s.PlainBytes), size(s.StoredBytes),
			count(s.Segments, "segment"), size(s.DiskBytes), size(s.FreeBytes))
		return nil
	})
}
