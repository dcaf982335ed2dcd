package main

import (
	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

func (p *program) logExportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write logs as static files that other tools verify",
		ArgsUsage: "DIR [NAMESPACE...]",
		Description: `Writes all logs, or those named, each to a directory of DIR that is called by its origin:
checkpoint, tile/<level>/<index> and tile/entries/<index> (C2SP tlog-tiles), to be read as
files or served as they are. What is there is continued: only what is new is written, the
checkpoint last. Payloads are not written, so it can be given to anyone.

artifact log export /srv/logs
artifact log verify --exported /srv/logs --key KEY

With --json a line for each: log, dir, size, root, new (events).`,
		Flags:        []cli.Flag{&cli.BoolFlag{Name: "node", Usage: "only the node's own log"}},
		Action:       p.logExport,
		BashComplete: p.completeNamespaces,
	}
}

type logExportJSON struct {
	Log  string `json:"log"`
	Dir  string `json:"dir"`
	Size uint64 `json:"size"`
	Root string `json:"root"`
	New  uint64 `json:"new"`
}

func (p *program) logExport(c *cli.Context) error {
	if !c.Args().Present() {
		return usage("export to where? Name a directory")
	}
	dir := c.Args().First()
	if c.Bool("node") && c.NArg() > 1 {
		return usage("--node is the log of no namespace: leave out %s", c.Args().Get(1))
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		names, err := namedLogs(c.Context, n, c.Args().Tail())
		if err != nil {
			return err
		}
		if c.Bool("node") {
			names = []string{""}
		}
		for _, name := range names {
			done, err := n.ExportLog(c.Context, name, dir, p.bar.entriesDone)
			if err != nil {
				return err
			}
			p.result(logExportJSON{done.Origin, done.Dir, done.Size, done.Root.String(), done.New},
				"%s: %s, %d new: %s", done.Origin, count(int64(done.Size), "event"), done.New, done.Dir)
		}
		return nil
	})
}
