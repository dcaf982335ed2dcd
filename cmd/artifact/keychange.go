package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

func (p *program) keysGenerateCommand() *cli.Command {
	return &cli.Command{
		Name:      "generate",
		Usage:     "make a key",
		ArgsUsage: "NAME",
		Description: `artifact keys generate release
artifact keys generate ci --passphrase-file ci.pass

` + passphraseHelp + `

` + keyFields,
		Flags:  []cli.Flag{passphraseFlag()},
		Action: p.keysGenerate,
	}
}

func (p *program) keysGenerate(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	passphrase, err := p.passphrase(c, "the new key "+name, true)
	if err != nil {
		return err
	}
	return p.with(c, createStore, func(c *cli.Context, n *node.Node) error {
		k, err := n.GenerateKey(c.Context, name, passphrase)
		if err != nil {
			return err
		}
		p.madeKey(k)
		return nil
	})
}

func createStore(cfg *node.Config) { cfg.Create = true }

// madeKey shows a key that is new here.
func (p *program) madeKey(k node.Key) {
	p.result(shownKey(k), "%s", k.ID)
	if k.Private != "" {
		p.say("%s: the private half is in %s", k.Name, k.Private)
	}
}

func (p *program) keysImportCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "take in a key that was made elsewhere",
		ArgsUsage: "NAME FILE",
		Description: `FILE is PEM: a private key of cosign's, whose passphrase it keeps unless another is
asked for; a plain one of ECDSA P-256, as openssl writes it, which is encrypted; or
a public key, which is registered so that what it signed is verified.

artifact keys import ci cosign.key
artifact keys import vendor vendor.pub

` + passphraseHelp + `

` + keyFields,
		Flags:  []cli.Flag{passphraseFlag()},
		Action: p.keysImport,
	}
}

func (p *program) keysImport(c *cli.Context) error {
	if c.NArg() != 2 {
		return usage("keys import takes a name and a file, as in ci cosign.key")
	}
	req := node.ImportRequest{Name: c.Args().Get(0)}
	file := c.Args().Get(1)
	var err error
	if req.File, err = readAtMost(file, maxKey); err != nil {
		return err
	}
	kind, err := node.InspectKey(req.File)
	if err != nil {
		return err
	}
	if kind.Sealed {
		if req.Old, err = p.passphrase(c, "the key in "+file, false); err != nil {
			return err
		}
		req.New = req.Old
	} else if !kind.Public {
		if req.New, err = p.passphrase(c, "the key "+req.Name, true); err != nil {
			return err
		}
	}
	return p.with(c, createStore, func(c *cli.Context, n *node.Node) error {
		k, err := n.ImportKey(c.Context, req)
		if err != nil {
			return err
		}
		p.madeKey(k)
		return nil
	})
}

func (p *program) keysRotateCommand() *cli.Command {
	return &cli.Command{
		Name:      "rotate",
		Usage:     "put a new key in the place of an old one",
		ArgsUsage: "NAME",
		Description: `What the old key signed counts as before; it signs no more. Its private half is set
aside in the keyring.

artifact keys rotate release

` + passphraseHelp + `

` + keyFields,
		Flags: []cli.Flag{
			passphraseFlag(),
			&cli.StringFlag{Name: "reason", Usage: "why, for the log"},
		},
		Action: p.keysRotate,
	}
}

func (p *program) keysRotate(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	passphrase, err := p.passphrase(c, "the new key "+name, true)
	if err != nil {
		return err
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		k, err := n.RotateKey(c.Context, name, c.String("reason"), passphrase)
		if err != nil {
			return err
		}
		p.madeKey(k)
		return nil
	})
}

func (p *program) keysRevokeCommand() *cli.Command {
	return &cli.Command{
		Name:      "revoke",
		Usage:     "end the trust in a key",
		ArgsUsage: "NAME|ID",
		Description: `Of what the key signed counts what the logs have now; what comes later does not.

artifact keys revoke ci --reason "the runner was stolen"

` + keyFields,
		Flags:  []cli.Flag{&cli.StringFlag{Name: "reason", Usage: "why, for the log"}},
		Action: p.keysRevoke,
	}
}

func (p *program) keysRevoke(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	if c.String("reason") == "" {
		return usage("say why, for the log: --reason TEXT")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		k, err := n.RevokeKey(c.Context, name, c.String("reason"))
		if err != nil {
			return err
		}
		p.result(shownKey(k), "revoked %s %s", k.Name, k.ID)
		return nil
	})
}

// The modes of the files of keys, and how long one may be.
const (
	privateMode fs.FileMode = 0o600
	publicMode  fs.FileMode = 0o644
	maxKey                  = 64 << 10
)

// writeKey writes a file that is not there yet.
func writeKey(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// readAtMost reads a file, and refuses one that is longer.
func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = usage("%s has more than %d bytes", path, limit)
	}
	return data, err
}
