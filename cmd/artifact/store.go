package main

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make a store",
		Description: `Makes a store in the directory that --dir or ARTIFACT_DIR names, which must be absent or
empty. Where there is one already, nothing happens. put does this by itself.

artifact init --site example.org     the domain that the store's logs are named by, for ever

The fields of --json: dir, id, created, site.`,
		Flags:  []cli.Flag{&cli.StringFlag{Name: "site", Usage: "the `DOMAIN` that begins the names of the logs", DefaultText: "made of the node's key"}},
		Action: p.init,
	}
}

type initJSON struct {
	Dir     string `json:"dir"`
	ID      string `json:"id"`
	Created bool   `json:"created"`
	Site    string `json:"site,omitempty"`
}

func (p *program) init(c *cli.Context) error {
	if c.Args().Present() {
		return usage("init takes no arguments: name the directory with --dir")
	}
	return p.with(c, func(cfg *node.Config) { cfg.Create, cfg.Site = true, c.String("site") }, func(_ *cli.Context, n *node.Node) error {
		id := n.ID()
		p.result(initJSON{Dir: n.Dir(), ID: hex.EncodeToString(id[:]), Created: n.Created(), Site: n.Site()}, "%s", n.Dir())
		return nil
	})
}

func (p *program) statsCommand() *cli.Command {
	return &cli.Command{
		Name:  "stats",
		Usage: "count what the store holds",
		Description: `The fields of --json: dir, repositories, artifacts, tags, blocks, plain_bytes (of the blocks),
stored_bytes (the same, as they are stored), segments, disk_bytes (of their files),
free_bytes (of the file system), events (in all logs), state (a hash of all that follows
from them), epoch (of the policy in force; 0 without one), logs: a list of {origin, size,
root}.`,
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

	Events uint64     `json:"events"`
	State  string     `json:"state"`
	Epoch  uint64     `json:"epoch"`
	Logs   []headJSON `json:"logs"`
}

type headJSON struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"`
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
		state, err := n.State(c.Context)
		if err != nil {
			return err
		}
		logs, err := n.Logs(c.Context)
		if err != nil {
			return err
		}
		out := statsJSON{
			Dir: n.Dir(), Repositories: s.Repositories, Artifacts: s.Artifacts, Tags: s.Tags, Blocks: s.Blocks,
			PlainBytes: s.PlainBytes, StoredBytes: s.StoredBytes, Segments: s.Segments, DiskBytes: s.DiskBytes, FreeBytes: s.FreeBytes,
			Events: state.Events, State: hex.EncodeToString(state.Hash[:]), Epoch: state.Epoch, Logs: make([]headJSON, 0, len(logs)),
		}
		for _, l := range logs {
			out.Logs = append(out.Logs, headJSON{l.Origin, l.Size, l.Root.String()})
		}
		p.result(out, "%s", out.text())
		return nil
	})
}

// text is what a person reads.
func (s statsJSON) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s, %s, %s\n%s: %s, stored as %s\n%s: %s on disk, %s free\n", s.Dir,
		count(s.Repositories, "repository"), count(s.Artifacts, "artifact"), count(s.Tags, "tag"),
		count(s.Blocks, "block"), size(s.PlainBytes), size(s.StoredBytes),
		count(s.Segments, "segment"), size(s.DiskBytes), size(s.FreeBytes))
	for _, l := range s.Logs {
		fmt.Fprintf(&b, "log %s: %s\n", l.Origin, count(int64(l.Size), "event"))
	}
	if s.Epoch > 0 {
		fmt.Fprintf(&b, "policy: epoch %d\n", s.Epoch)
	}
	fmt.Fprintf(&b, "%s, state %s", count(int64(s.Events), "event"), s.State)
	return b.String()
}
