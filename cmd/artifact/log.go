package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

// followEvery is how long log --follow leaves the directory to others.
const followEvery = time.Second

var nodeFlag = &cli.BoolFlag{Name: "node", Usage: "the node's own log, of keys, policies and namespaces"}

func (p *program) logCommand() *cli.Command {
	return &cli.Command{
		Name:      "log",
		Usage:     "read, prove, verify and export the logs of what happened",
		ArgsUsage: "[NAMESPACE]",
		Description: `Each namespace, the first element of a repository's name, has a log, and the node has one.
Prints the events of a log: index, time, kind, and what it happened to.

artifact log acme
artifact log acme --from 100 --follow
artifact log --node

NAMESPACE can be left out where there is one alone. --follow goes on until it is
interrupted; between two looks, a second apart, others can use the store.

With --json a line for each: log, index, time, kind, erased, commit, salt, payload: what
the event says, {repository, tag, manifest, subject, artifact_type, name, key, pem,
replaces, reason, from, namespace, origin, policy, epoch}, of which each kind has its own.`,
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "from", Usage: "begin at this `INDEX`"},
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on with what is new"},
			nodeFlag,
		},
		Action:       p.printLog,
		BashComplete: p.completeNamespaces,
		Subcommands: []*cli.Command{
			p.logLsCommand(), p.logCheckpointCommand(), p.logProveCommand(), p.logVerifyCommand(), p.logExportCommand(),
		},
	}
}

type eventJSON struct {
	Log     string       `json:"log"`
	Index   uint64       `json:"index"`
	Time    time.Time    `json:"time"`
	Kind    string       `json:"kind"`
	Erased  bool         `json:"erased"`
	Commit  string       `json:"commit"`
	Salt    string       `json:"salt,omitempty"`
	Payload *payloadJSON `json:"payload,omitempty"`
}

type payloadJSON struct {
	Repository   string            `json:"repository,omitempty"`
	Tag          string            `json:"tag,omitempty"`
	Manifest     string            `json:"manifest,omitempty"`
	Subject      string            `json:"subject,omitempty"`
	ArtifactType string            `json:"artifact_type,omitempty"`
	Name         string            `json:"name,omitempty"`
	Key          string            `json:"key,omitempty"`
	PEM          string            `json:"pem,omitempty"`
	Replaces     string            `json:"replaces,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	From         map[string]uint64 `json:"from,omitempty"`
	Namespace    string            `json:"namespace,omitempty"`
	Origin       string            `json:"origin,omitempty"`
	Policy       []byte            `json:"policy,omitempty"` // base64
	Epoch        uint64            `json:"epoch,omitempty"`
}

func (p *program) printLog(c *cli.Context) error {
	next := c.Uint64("from")
	show := func(c *cli.Context, n *node.Node) error {
		l, err := chosen(c, n)
		if err != nil {
			return err
		}
		return n.Events(c.Context, l.Namespace, next, func(e node.Event) error {
			p.event(l.Origin, e)
			next = e.Index + 1
			return p.flush()
		})
	}
	if !c.Bool("follow") {
		return p.with(c, nil, show)
	}
	cfg, err := p.config(c)
	if err != nil {
		return err
	}
	return node.Follow(c.Context, cfg, node.Every(followEvery), func(ctx context.Context, n *node.Node) error {
		inner := *c
		inner.Context = ctx
		return show(&inner, n)
	})
}

// chosen returns the log that the command line names.
func chosen(c *cli.Context, n *node.Node) (node.Log, error) {
	switch {
	case c.NArg() > 1:
		return node.Log{}, usage("name one namespace at most")
	case c.Bool("node") && c.Args().Present():
		return node.Log{}, usage("--node is the log of no namespace: leave out %s", c.Args().First())
	case c.Bool("node"):
		return n.Log(c.Context, "")
	case c.Args().Present():
		if c.Args().First() == "" {
			return node.Log{}, usage("the name of a namespace is empty")
		}
		return n.Log(c.Context, c.Args().First())
	}
	namespace, err := onlyNamespace(c, n)
	if err != nil {
		return node.Log{}, err
	}
	return n.Log(c.Context, namespace)
}

// onlyNamespace is the one that there is, where nothing names another.
func onlyNamespace(c *cli.Context, n *node.Node) (string, error) {
	names, err := namespaces(c.Context, n)
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", usage("there is no namespace yet; the node's own log is had with --node")
	case len(names) > 1:
		return "", usage("name one of the namespaces: %s", strings.Join(names, " "))
	}
	return names[0], nil
}

func namespaces(ctx context.Context, n *node.Node) ([]string, error) {
	logs, err := n.Logs(ctx)
	var names []string
	for _, l := range logs {
		if l.Namespace != "" {
			names = append(names, l.Namespace)
		}
	}
	return names, err
}

func (p *program) event(origin string, e node.Event) {
	line := describeEvent(origin, e)
	p.result(line, "%8d  %s  %-18s  %s", e.Index, e.At().Local().Format("2006-01-02 15:04:05.000"), e.Kind, line.what())
}

func describeEvent(origin string, e node.Event) eventJSON {
	out := eventJSON{
		Log: origin, Index: e.Index, Time: e.At(), Kind: string(e.Kind), Erased: e.Erased,
		Commit: hex.EncodeToString(e.Commit), Salt: hex.EncodeToString(e.Salt),
	}
	if e.Erased {
		return out
	}
	l := e.Payload
	out.Payload = &payloadJSON{
		Repository: l.Repository, Tag: l.Tag, ArtifactType: l.ArtifactType, Name: l.Name, Key: l.Key, PEM: l.PEM,
		Replaces: l.Replaces, Reason: l.Reason, From: l.From, Namespace: l.Namespace, Origin: l.Origin, Policy: l.Policy, Epoch: l.Epoch,
	}
	if l.Manifest != nil {
		out.Payload.Manifest = l.Manifest.Digest.String()
	}
	if len(l.Subject) > 0 {
		out.Payload.Subject = "blake3:" + hex.EncodeToString(l.Subject)
	}
	return out
}

// what is that which an event happened to, for people.
func (e eventJSON) what() string {
	if e.Payload == nil {
		return "(erased)"
	}
	l := e.Payload
	var words []string
	switch {
	case l.Repository != "" && l.Tag != "":
		words = append(words, l.Repository+":"+l.Tag)
	case l.Repository != "":
		words = append(words, l.Repository)
	case l.Key != "":
		words = append(words, plain(l.Name), l.Key)
	case l.Namespace != "":
		words = append(words, l.Namespace)
	case l.Epoch != 0:
		words = append(words, fmt.Sprintf("epoch %d", l.Epoch))
	}
	if l.Manifest != "" {
		words = append(words, l.Manifest)
	}
	if l.Subject != "" {
		words = append(words, "for", l.Subject)
	}
	if l.Reason != "" {
		words = append(words, plain(l.Reason))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

func (p *program) logLsCommand() *cli.Command {
	return &cli.Command{
		Name:  "ls",
		Usage: "list the logs",
		Description: `With --json a line for each: origin, namespace ("" of the node's own), size, root (base64),
key (the verifier key, as other tools take it), broken.`,
		Action: p.logLs,
	}
}

type logJSON struct {
	Origin    string `json:"origin"`
	Namespace string `json:"namespace"`
	Size      uint64 `json:"size"`
	Root      string `json:"root"`
	Key       string `json:"key,omitempty"`
	Broken    bool   `json:"broken"`
}

func (p *program) logLs(c *cli.Context) error {
	if c.Args().Present() {
		return usage("log ls takes no arguments")
	}
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		logs, err := n.Logs(c.Context)
		table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		if !p.json {
			fmt.Fprintln(table, "ORIGIN\tSIZE\tROOT\tKEY")
		}
		for _, l := range logs {
			if p.json {
				p.result(logJSON{l.Origin, l.Namespace, l.Size, l.Root.String(), l.Key, l.Broken}, "")
				continue
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", l.Origin, l.Size, l.Root, l.Key)
		}
		p.note(table.Flush())
		return err
	})
}

func (p *program) logCheckpointCommand() *cli.Command {
	return &cli.Command{
		Name:      "checkpoint",
		Usage:     "print a log's signed checkpoint",
		ArgsUsage: "[NAMESPACE]",
		Description: `Prints the signed note (C2SP tlog-checkpoint), byte for byte.

artifact log checkpoint acme > checkpoint

The fields of --json: origin, size, root, checkpoint.`,
		Flags:        []cli.Flag{nodeFlag},
		Action:       p.logCheckpoint,
		BashComplete: p.completeNamespaces,
	}
}

func (p *program) logCheckpoint(c *cli.Context) error {
	return p.with(c, nil, func(c *cli.Context, n *node.Node) error {
		l, err := chosen(c, n)
		if err != nil {
			return err
		}
		note, err := l.Signed()
		if err != nil {
			return err
		}
		p.result(struct {
			Origin     string `json:"origin"`
			Size       uint64 `json:"size"`
			Root       string `json:"root"`
			Checkpoint string `json:"checkpoint"`
		}{l.Origin, l.Size, l.Root.String(), string(note)}, "%s", strings.TrimSuffix(string(note), "\n"))
		return nil
	})
}

// completeNamespaces prints the namespaces that have logs.
func (p *program) completeNamespaces(c *cli.Context) {
	p.complete(c, namespaces)
}
