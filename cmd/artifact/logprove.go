package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
)

func (p *program) logProveCommand() *cli.Command {
	return &cli.Command{
		Name:      "prove",
		Usage:     "prove that an artifact, or its tag, was logged",
		ArgsUsage: "REF",
		Description: `Writes a proof (C2SP tlog-proof) of the event that published REF, or that set the tag where
that was later. With the entry and the log's verifier key (artifact log ls) anyone can
check it, without a store:

artifact log prove acme/app:v1 -o v1.tlog-proof --entry v1.entry
artifact log verify --proof v1.tlog-proof --entry v1.entry --key KEY

The fields of --json: ref, log, size, index, time, kind, proof, key.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the proof to `FILE`", Value: "-"},
			&cli.StringFlag{Name: "entry", Usage: "write the entry that is proved to `FILE`"},
		},
		Action:       p.logProve,
		BashComplete: p.completeReferences,
	}
}

type proveJSON struct {
	Ref string `json:"ref"`
	provedJSON
	Proof string `json:"proof"`
	Key   string `json:"key,omitempty"`
}

func (p *program) logProve(c *cli.Context) error {
	r, err := oneReference(c)
	if err != nil {
		return err
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		proof, err := n.Prove(c.Context, r)
		if err != nil {
			return err
		}
		if to := c.String("entry"); to != "" {
			if err := writeFile(to, proof.Entry); err != nil {
				return err
			}
		}
		if to := c.String("output"); to != "-" {
			if err := writeFile(to, proof.Text); err != nil {
				return err
			}
			if !p.json {
				p.say("event %d of %s, %s: %s", proof.Index, proof.Log.Origin, proof.Logged.Kind, to)
				return nil
			}
		}
		p.result(proveJSON{
			Ref: r.String(), provedJSON: proved(proof, proof.Log.Origin, proof.Log.Size), Proof: string(proof.Text), Key: proof.Log.Key,
		}, "%s", strings.TrimSuffix(string(proof.Text), "\n"))
		return nil
	})
}

// writeFile puts a result in its place at once.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".artifact-")
	if err != nil {
		return fault.Wrap(fault.Other, "write", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what counts is why it could not be written
	}
	return fault.Wrap(fault.Other, "write", path, err)
}
