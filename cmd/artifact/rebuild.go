package main

import (
	"encoding/hex"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

func (p *program) rebuildCommand() *cli.Command {
	return &cli.Command{
		Name:  "rebuild",
		Usage: "make all that is derived from the logs anew",
		Description: `Tags, artifacts, referrers, keys and policies follow from the logs alone. This throws them
away and replays the logs; cut short, it is completed when the store is next opened. The
state, a hash of all of it, is the same before and after, and wherever the logs are equal.
(For the index as a whole, from the packs: artifact fsck --rebuild-index.)

The fields of --json: events, state.`,
		Action: p.rebuild,
	}
}

func (p *program) rebuild(c *cli.Context) error {
	if c.Args().Present() {
		return usage("rebuild takes no arguments")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		st, err := n.RebuildViews(c.Context, p.bar.entriesDone)
		if err != nil {
			return err
		}
		state := hex.EncodeToString(st.Hash[:])
		p.result(struct {
			Events uint64 `json:"events"`
			State  string `json:"state"`
		}{st.Events, state}, "%s applied, state %s", count(int64(st.Events), "event"), state)
		return nil
	})
}
