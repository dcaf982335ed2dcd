package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/node"
)

// program is what the commands share.
type program struct {
	*output
	stdin io.Reader
	log   *slog.Logger // nil without --debug
}

func newApp(o *output, stdin io.Reader) *cli.App {
	p := &program{output: o, stdin: stdin}
	app := &cli.App{
		Name:  "artifact",
		Usage: "keep generated artifacts, deduplicated and verified",
		Description: `artifact put DIR --as acme/report:v1     keep a directory under a name
artifact get acme/report:v1 -o out       write it to disk again, every byte verified
artifact ls                              see what there is

` + exitHelp,
		Version:              version(),
		HideVersion:          true,
		EnableBashCompletion: true,
		Writer:               o.stdout,
		ErrWriter:            o.stderr,
		ExitErrHandler:       func(*cli.Context, error) {},
		OnUsageError:         onUsage,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", EnvVars: []string{"ARTIFACT_DIR"}, Usage: "the store's `DIRECTORY`", DefaultText: tilde(defaultDir())},
			&cli.BoolFlag{Name: "json", Usage: "print results, and errors, as JSON"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print results and errors only"},
			&cli.BoolFlag{Name: "debug", EnvVars: []string{"ARTIFACT_DEBUG"}, Usage: "log what the store does to standard error"},
		},
		Before: p.begin,
		Action: p.noCommand,
		Commands: []*cli.Command{
			p.initCommand(), p.putCommand(), p.getCommand(), p.lsCommand(), p.showCommand(), p.verifyCommand(),
			p.tagCommand(), p.rmCommand(), p.keysCommand(), p.signCommand(), p.attestCommand(), p.policyCommand(), p.evidenceCommand(),
			p.logCommand(), p.rebuildCommand(), p.fsckCommand(), p.gcCommand(), p.statsCommand(),
			p.completionCommand(), p.versionCommand(),
		},
	}
	finish(app.Commands)
	return app
}

// finish gives commands, and those below them, what all have.
func finish(commands []*cli.Command) {
	for _, c := range commands {
		template := cli.CommandHelpTemplate
		if len(c.Subcommands) > 0 {
			template = cli.SubcommandHelpTemplate
		}
		c.OnUsageError = onUsage
		c.HideHelpCommand = true
		c.CustomHelpTemplate = template + "\nGLOBAL OPTIONS:\n   --dir DIRECTORY, --json, --quiet, --debug: see artifact --help\n"
		if c.Action != nil {
			c.Action = ended(c.Action)
		}
		finish(c.Subcommands)
	}
}

// ended makes an action that a signal ended say so.
func ended(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error { return cause(c.Context, action(c)) }
}

func onUsage(_ *cli.Context, err error, _ bool) error { return usageError{err} }

// begin reads the global flags.
func (p *program) begin(c *cli.Context) error {
	p.json, p.quiet = c.Bool("json"), c.Bool("quiet")
	p.command = c.Args().First()
	debug := c.Bool("debug")
	if debug {
		p.log = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p.bar = newBar(p.stderr, p.quiet || p.json || debug)
	return nil
}

func (p *program) noCommand(c *cli.Context) error {
	if c.Args().Present() {
		p.command = ""
		return usage("there is no command %q", c.Args().First())
	}
	if !p.json {
		if err := cli.ShowAppHelp(c); err != nil {
			return err
		}
	}
	return usage("there is no command: name one")
}

// with opens the node of c and calls fn. It says so where that makes a store.
func (p *program) with(c *cli.Context, adjust func(*node.Config), fn func(*cli.Context, *node.Node) error) error {
	cfg, err := p.config(c)
	if err != nil {
		return err
	}
	if adjust != nil {
		adjust(&cfg)
	}
	return node.With(c.Context, cfg, func(ctx context.Context, n *node.Node) error {
		if n.Created() {
			p.say("made a new store in %s", n.Dir())
		}
		inner := *c
		inner.Context = ctx
		return fn(&inner, n)
	})
}

func (p *program) config(c *cli.Context) (node.Config, error) {
	dir := c.String("dir")
	if dir == "" {
		dir = defaultDir()
	}
	if dir == "" {
		return node.Config{}, usage("no home directory is known: name the store's with --dir")
	}
	holder := c.Command.Name
	if p.command != "" {
		holder = p.command // of which that may be a subcommand
	}
	return node.Config{Dir: dir, Holder: "artifact " + holder, Log: p.log}, nil
}

// defaultDir is where a user's store is when nothing says otherwise: the data
// directory of the XDG Base Directory Specification, or what the system has in
// its place. It is "" where the user has no home.
func defaultDir() string {
	const name = "artifact-store"
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name)
	}
	if dir := os.Getenv("LocalAppData"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, name)
	}
	home, err := os.UserHomeDir()
	switch {
	case err != nil:
		return ""
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", name)
	case runtime.GOOS == "windows":
		return filepath.Join(home, "AppData", "Local", name)
	}
	return filepath.Join(home, ".local", "share", name)
}

// tilde shortens a path beneath the home directory for showing it.
func tilde(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(home, path); err == nil && filepath.IsLocal(rel) {
		return filepath.Join("~", rel)
	}
	return path
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
