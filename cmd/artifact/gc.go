package main

import (
	"cmp"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

func (p *program) gcCommand() *cli.Command {
	return &cli.Command{
		Name:  "gc",
		Usage: "free the space of what no artifact needs",
		Description: `Segments that are mostly dead are written anew, without what is dead, and removed.

artifact gc --dry-run
artifact gc --dead 0.1 --rate 50000000

The fields of --json: dry_run, artifacts, live_bytes, dead_bytes, segments, moved_bytes,
dropped_bytes, freed_bytes, seconds.`,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "grace", Usage: "spare what is younger than this `DURATION`"},
			&cli.Float64Flag{Name: "dead", Usage: "the `PART` of a segment that must be dead, above 0 and at most 1", DefaultText: "0.4"},
			&cli.StringFlag{Name: "compress", Value: "zstd", Usage: "how what moves is stored: `zstd|s2|none`"},
			&cli.Int64Flag{Name: "rate", Usage: "move at most `BYTES` a second", DefaultText: "no bound"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "say what would be done"},
		},
		Action: p.gc,
	}
}

type gcJSON struct {
	DryRun    bool    `json:"dry_run"`
	Artifacts int64   `json:"artifacts"`
	Live      int64   `json:"live_bytes"`
	Dead      int64   `json:"dead_bytes"`
	Segments  int     `json:"segments"`
	Moved     int64   `json:"moved_bytes"`
	Dropped   int64   `json:"dropped_bytes"`
	Freed     int64   `json:"freed_bytes"`
	Left      int     `json:"left_segments"` // that the disk has no room to copy
	Needs     int64   `json:"needs_bytes"`   // the most that one of them needs
	Seconds   float64 `json:"seconds"`
}

func (p *program) gc(c *cli.Context) error {
	if c.Args().Present() {
		return usage("gc takes no arguments")
	}
	req := node.CollectRequest{
		Grace: c.Duration("grace"), Dead: c.Float64("dead"), Compression: c.String("compress"),
		Rate: c.Int64("rate"), DryRun: c.Bool("dry-run"), Progress: p.bar.stepsDone,
	}
	if c.IsSet("dead") && (req.Dead <= 0 || req.Dead > 1) || req.Grace < 0 || req.Rate < 0 {
		return usage("--dead is above 0 and at most 1; --grace and --rate are not negative")
	}
	began := time.Now()
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		done, err := n.Collect(c.Context, req)
		if err != nil {
			return err
		}
		verb := "freed"
		if req.DryRun {
			verb = "would free"
		}
		p.result(gcJSON{
			DryRun: req.DryRun, Artifacts: done.Artifacts, Live: done.LiveBytes, Dead: done.DeadBytes, Segments: done.Segments,
			Moved: done.Moved, Dropped: done.Dropped, Freed: done.Freed,
			Left: done.Left, Needs: done.Needs, Seconds: seconds(time.Since(began)),
		}, "%s %s: %s of %s dropped, %s moved, in %s; %s live", verb, size(done.Freed), size(done.Dropped), size(done.DeadBytes)+" dead",
			size(done.Moved), count(done.Segments, "segment"), size(done.LiveBytes))
		p.explainDead(req, done)
		return nil
	})
}

// explainDead says why dead bytes stay, and how fewer would.
func (p *program) explainDead(req node.CollectRequest, done node.Collected) {
	if done.Left > 0 {
		p.say("%s stayed: the disk has no room to copy what lives there; free %s and run gc again",
			count(done.Left, "segment"), size(done.Needs))
		return
	}
	left := done.DeadBytes - done.Dropped
	if left <= 0 {
		return
	}
	part := cmp.Or(req.Dead, node.DefaultDead)
	spared := ""
	if req.Grace > 0 {
		spared = " or are younger than --grace says"
	}
	p.say("%s dead stay, in segments that are not %.4g %% dead%s; --dead %.2g takes more", size(left), 100*part, spared, part/4)
}
