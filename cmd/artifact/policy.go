package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
)

// maxPolicyFile bounds a file that should be a policy, in bytes.
const maxPolicyFile = 64 << 10

func (p *program) policyCommand() *cli.Command {
	return &cli.Command{
		Name:  "policy",
		Usage: "say who may publish where, and ask what is allowed",
		Description: `A policy is a small signed file. Without one, whoever can write to the store may publish;
with one, nothing is published that no rule allows.

artifact policy init --root root -o policy.json     then edit it
artifact policy sign policy.json --key root -o policy.signed
artifact policy set policy.signed
artifact policy check acme/app:v1 --as acme/prod/app:v1`,
		Action: func(*cli.Context) error { return usage("policy what? See artifact policy --help") },
		Subcommands: []*cli.Command{
			p.policyInitCommand(), p.policySignCommand(), p.policySetCommand(), p.policyShowCommand(), p.policyCheckCommand(),
		},
	}
}

func (p *program) policyInitCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "write a policy to be edited",
		Description: `Writes a policy whose roots are the named keys, and which lets each active key publish in
each namespace that there is. Edit it, then sign and set it.

artifact policy init --root alice --root bob -o policy.json`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "root", Usage: "a `KEY` that may change the policy, by name or id; may be repeated"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`", Value: "-"},
		},
		Action: p.policyInit,
	}
}

func (p *program) policyInit(c *cli.Context) error {
	roots := c.StringSlice("root")
	if len(roots) == 0 {
		return usage("who may change the policy? Name a key with --root; see artifact keys ls")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		text, err := n.PolicyTemplate(c.Context, roots)
		if err != nil {
			return err
		}
		return p.deliver(c.String("output"), text)
	})
}

// deliver writes a result to a file, or with "-" to standard output, as it is.
func (p *program) deliver(to string, data []byte) error {
	if to == "-" {
		_, err := p.stdout.Write(data)
		return err
	}
	if err := writeFile(to, data); err != nil {
		return err
	}
	p.say("wrote %s", to)
	return nil
}

func (p *program) policySignCommand() *cli.Command {
	return &cli.Command{
		Name:      "sign",
		Usage:     "sign a policy, or add a signature to a signed one",
		ArgsUsage: "FILE",
		Description: `artifact policy sign policy.json --key alice -o policy.signed
artifact policy sign policy.signed --key bob -o policy.signed

` + passphraseHelp,
		Flags: []cli.Flag{
			keyFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`", Value: "-"},
			passphraseFlag(),
		},
		Action: p.policySign,
	}
}

func (p *program) policySign(c *cli.Context) error {
	text, err := oneFile(c)
	if err != nil {
		return err
	}
	return p.withKey(c, func(c *cli.Context, n *node.Node, key node.SigningKey) error {
		signed, err := n.SignPolicy(text, key)
		if err != nil {
			return err
		}
		return p.deliver(c.String("output"), signed)
	})
}

// oneFile reads the file that is the one argument of a command.
func oneFile(c *cli.Context) ([]byte, error) {
	if c.NArg() != 1 {
		return nil, usage("%s takes one file", c.Command.Name)
	}
	path := c.Args().First()
	f, err := os.Open(path)
	if err != nil {
		return nil, missing("read", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPolicyFile+1))
	if err == nil && len(data) > maxPolicyFile {
		err = fault.New(fault.TooLarge, "read", path, "it has more than %d bytes", maxPolicyFile)
	}
	return data, fault.Wrap(fault.Other, "read", path, err)
}

// missing classifies what opening a file says.
func missing(op, path string, err error) error {
	kind := fault.Other
	if os.IsNotExist(err) {
		kind = fault.NotFound
	}
	return fault.Wrap(kind, op, path, err)
}

func (p *program) policySetCommand() *cli.Command {
	return &cli.Command{
		Name:      "set",
		Usage:     "put a signed policy in force",
		ArgsUsage: "FILE",
		Description: `Sets a policy that enough of its own roots, and of those of the policy before it, have
signed, and whose epoch is the next. It is an event of the node's log.

artifact policy set policy.signed

The fields of --json: epoch.`,
		Action: p.policySet,
	}
}

func (p *program) policySet(c *cli.Context) error {
	signed, err := oneFile(c)
	if err != nil {
		return err
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		epoch, err := n.SetPolicy(c.Context, signed)
		if err != nil {
			return err
		}
		p.result(struct {
			Epoch uint64 `json:"epoch"`
		}{epoch}, "policy of epoch %d is in force", epoch)
		return nil
	})
}

func (p *program) policyShowCommand() *cli.Command {
	return &cli.Command{
		Name:  "show",
		Usage: "print the policy in force",
		Description: `Prints the document that was set last: that of the roots, or one that they delegate.

The fields of --json: epoch, set, index (in the node's log), expires, document.`,
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "signed", Usage: "print it as it was signed, to add to or to pass on"}},
		Action: p.policyShow,
	}
}

type policyJSON struct {
	Epoch    uint64    `json:"epoch"`
	Set      time.Time `json:"set"`
	Index    uint64    `json:"index"`
	Expires  time.Time `json:"expires"`
	Document any       `json:"document"`
}

func (p *program) policyShow(c *cli.Context) error {
	if c.Args().Present() {
		return usage("policy show takes no arguments")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		in, err := n.Policy(c.Context)
		if err != nil {
			return err
		}
		if c.Bool("signed") {
			return p.deliver("-", in.Envelope)
		}
		p.result(policyJSON{in.Epoch, in.Set.UTC(), in.Index, in.Expires.UTC(), in.Document}, "%s", in.Document)
		return nil
	})
}

func (p *program) policyCheckCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "ask whether an artifact may have a name, and why",
		ArgsUsage: "REF",
		Description: `Explains what each rule of the policy in force makes of an artifact under its name, or
under that of --as. It publishes nothing. The exit code is 5 where it is denied.

artifact policy check acme/app:v1 --as acme/prod/app:v1

The fields of --json: ref, allowed, epoch, rules (rule, ok, why).`,
		Flags:        []cli.Flag{&cli.StringFlag{Name: "as", Usage: "ask of the name `REPO:TAG`"}},
		Action:       p.policyCheck,
		BashComplete: p.completeReferences,
	}
}

type verdictJSON struct {
	Ref     string        `json:"ref"`
	Allowed bool          `json:"allowed"`
	Epoch   uint64        `json:"epoch"`
	Rules   []outcomeJSON `json:"rules"`
}

type outcomeJSON struct {
	Rule string `json:"rule"`
	OK   bool   `json:"ok"`
	Why  string `json:"why"`
}

func (p *program) policyCheck(c *cli.Context) error {
	r, err := oneReference(c)
	if err != nil {
		return err
	}
	repository, tag, err := parseName(c.String("as"))
	if err != nil {
		return err
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		v, err := n.CheckPolicy(c.Context, r, repository, tag)
		if err != nil {
			return err
		}
		p.verdict(r, v)
		if !v.Allowed {
			return fault.New(fault.Denied, "check policy", r.String(), "the policy of epoch %d does not allow it", v.Epoch)
		}
		return nil
	})
}

func (p *program) verdict(r dag.Reference, v node.Verdict) {
	out := verdictJSON{Ref: r.String(), Allowed: v.Allowed, Epoch: v.Epoch}
	var lines []string
	for _, o := range v.Outcomes {
		out.Rules = append(out.Rules, outcomeJSON{o.Rule, o.OK, o.Why})
		mark := "no "
		if o.OK {
			mark = "yes"
		}
		lines = append(lines, fmt.Sprintf("%s  %s: %s", mark, o.Rule, o.Why))
	}
	p.result(out, "%s", strings.Join(lines, "\n"))
}
