package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

func (p *program) keysCommand() *cli.Command {
	return &cli.Command{
		Name:  "keys",
		Usage: "keep the keys that artifacts are signed with",
		Description: `A private key is kept in the store's directory, encrypted as cosign does it, and its
public half registered in the node's log. It never leaves the directory in the clear.

artifact keys generate release
artifact keys import ci cosign.key
artifact keys ls
artifact keys rotate release
artifact keys revoke ci --reason "the runner was stolen"

` + passphraseHelp,
		Subcommands: []*cli.Command{
			p.keysGenerateCommand(), p.keysImportCommand(), p.keysLsCommand(), p.keysExportCommand(),
			p.keysRotateCommand(), p.keysRevokeCommand(),
		},
		Action: p.noKeysCommand,
	}
}

func (p *program) noKeysCommand(c *cli.Context) error {
	if c.Args().Present() {
		return usage("there is no command %q of keys", c.Args().First())
	}
	return usage("keys does what? Name one of generate, import, ls, export, rotate and revoke")
}

// passphraseHelp says where a passphrase comes from.
const passphraseHelp = `The passphrase comes from --passphrase-file, ARTIFACT_PASSPHRASE_FILE, ARTIFACT_PASSPHRASE
or COSIGN_PASSWORD, in this order, or it is asked for.`

// keyJSON is a key, as the commands of keys print it.
type keyJSON struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	State      string            `json:"state"`
	Private    string            `json:"private,omitempty"` // the file
	Added      *time.Time        `json:"added,omitempty"`
	Replaces   string            `json:"replaces,omitempty"`
	ReplacedBy string            `json:"replaced_by,omitempty"`
	Revoked    *time.Time        `json:"revoked,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	From       map[string]uint64 `json:"from,omitempty"`
	Public     string            `json:"public,omitempty"` // PEM
}

// keyFields says which they are.
const keyFields = `The fields of --json: id, name, state (active, replaced, revoked, or unregistered: its making
was cut short), private (the file of the private half, where it is here), added, replaces,
replaced_by, revoked, reason, from (how long each log was at the revocation), public (PEM).`

func shownKey(k node.Key) keyJSON {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC()
		return &t
	}
	return keyJSON{
		ID: k.ID, Name: k.Name, State: string(k.State), Private: k.Private, Added: at(k.Added), Replaces: k.Replaces,
		ReplacedBy: k.ReplacedBy, Revoked: at(k.Revoked), Reason: k.Reason, From: k.From, Public: k.PEM,
	}
}

func (p *program) keysLsCommand() *cli.Command {
	return &cli.Command{
		Name:  "ls",
		Usage: "list the keys that the node knows",
		Description: `artifact keys ls

With --json a line for each. ` + keyFields,
		Action: p.keysLs,
	}
}

func (p *program) keysLs(c *cli.Context) error {
	if c.Args().Present() {
		return usage("keys ls takes no arguments")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		keys, err := n.Keys(c.Context)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		if !p.json {
			fmt.Fprintln(table, "NAME\tID\tSTATE\tPRIVATE")
		}
		for _, k := range keys {
			if p.json {
				p.result(shownKey(k), "")
				continue
			}
			private := "-"
			if k.Private != "" {
				private = "here"
			}
			_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", k.Name, k.ID, k.State, private)
			p.note(err)
		}
		p.note(table.Flush())
		return nil
	})
}

func (p *program) keysExportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write a key for cosign",
		ArgsUsage: "NAME",
		Description: `The private half stays encrypted with its passphrase.

artifact keys export release --public -o release.pub
artifact keys export release -o release.key

The fields of --json: name, file.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "public", Usage: "the public half"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write, which must not be there yet; without it standard output"},
		},
		Action: p.keysExport,
	}
}

func (p *program) keysExport(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	path := c.String("output")
	if path == "" && p.json {
		return usage("with --json name a file: -o FILE")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		data, err := n.ExportKey(c.Context, name, !c.Bool("public"))
		if err != nil {
			return err
		}
		if path == "" {
			p.text(string(data))
			return nil
		}
		mode := privateMode
		if c.Bool("public") {
			mode = publicMode
		}
		if err := writeKey(path, data, mode); err != nil {
			return err
		}
		p.result(struct {
			Name string `json:"name"`
			File string `json:"file"`
		}{name, path}, "%s", path)
		return nil
	})
}

func oneName(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", usage("keys %s takes the name of one key, as in release", c.Command.Name)
	}
	return c.Args().First(), nil
}
