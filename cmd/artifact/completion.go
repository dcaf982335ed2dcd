package main

import (
	"context"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

//go:embed completions
var completions embed.FS

// shells are those with a script, and its file.
var shells = map[string]string{"bash": "bash.sh", "zsh": "zsh.sh", "fish": "fish.sh", "powershell": "powershell.ps1"}

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the script that completes command lines in a shell",
		ArgsUsage: "bash|zsh|fish|powershell",
		Description: `Commands, flags and references are completed.

source <(artifact completion bash)
source <(artifact completion zsh)
artifact completion fish | source
artifact completion powershell | Out-String | Invoke-Expression

The fields of --json: shell, script.`,
		Action: p.completion,
		BashComplete: func(*cli.Context) {
			p.text("bash\nzsh\nfish\npowershell\n")
		},
	}
}

func (p *program) completion(c *cli.Context) error {
	shell := c.Args().First()
	file, ok := shells[shell]
	if !ok || c.NArg() != 1 {
		return usage("completion takes one of bash, zsh, fish and powershell")
	}
	script, err := completions.ReadFile(path.Join("completions", file))
	if err != nil {
		return err
	}
	p.result(struct {
		Shell  string `json:"shell"`
		Script string `json:"script"`
	}{shell, string(script)}, "%s", strings.TrimSuffix(string(script), "\n"))
	return nil
}

// completeReferences prints the references of the store, or a command's flags
// where the line ends in the beginning of one. A store that cannot be opened
// now has none to offer.
func (p *program) completeReferences(c *cli.Context) {
	p.complete(c, func(ctx context.Context, n *node.Node) ([]string, error) {
		var refs []string
		err := n.List(ctx, "", func(a node.Artifact) error {
			for _, r := range references(a, false) {
				refs = append(refs, r.String())
			}
			return nil
		})
		return refs, err
	})
}

// complete prints the words that list finds in the store, or a command's flags.
func (p *program) complete(c *cli.Context, list func(context.Context, *node.Node) ([]string, error)) {
	if last := c.Args().Slice(); len(last) > 0 && strings.HasPrefix(last[len(last)-1], "-") {
		cli.DefaultCompleteWithFlags(c.Command)(c)
		return
	}
	cfg, err := p.config(c)
	if err != nil {
		return
	}
	cfg.Log = nil
	for _, sub := range c.Command.Subcommands {
		p.text(sub.Name + "\n")
	}
	var words []string
	err = node.With(c.Context, cfg, func(ctx context.Context, n *node.Node) (err error) {
		words, err = list(ctx, n)
		return err
	})
	if err == nil && len(words) > 0 {
		p.text(fmt.Sprintln(strings.Join(slices.Compact(words), "\n")))
	}
}

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version",
		Description: "The fields of --json: version.",
		Action: func(*cli.Context) error {
			p.result(struct {
				Version string `json:"version"`
			}{version()}, "artifact %s", version())
			return nil
		},
	}
}
