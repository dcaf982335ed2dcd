package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completing is what the shell appends to a line that it wants completed.
const completing = "--generate-bash-completion"

// arrange puts args in the order that the library takes: global flags, the
// command and those below it, their flags, and what remains. So a flag may stand
// anywhere, as in "put DIR --as REPO:TAG". What follows "--" is left alone.
func arrange(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	rest := args[1:]
	var asked []string // what is to be completed, and that it is
	if n := len(rest); n > 0 && rest[n-1] == completing {
		rest, asked = rest[:n-1], rest[n-1:]
		if n > 1 && strings.HasPrefix(rest[n-2], "-") {
			rest, asked = args[1:n-1], args[n-1:]
		}
	}
	var global, local, operands []string
	command, path := "", []string(nil)
	var known []cli.Flag
	below := app.Commands // what a word that is no flag can name
	for len(rest) > 0 {
		arg := rest[0]
		if arg == "--" {
			operands = append(operands, rest[1:]...)
			break
		}
		n, to := 1, &operands
		switch f, isGlobal := find(arg, app.Flags, known); {
		case isFlag(arg):
			if f != nil && takesValue(f) && !strings.Contains(arg, "=") {
				n = min(2, len(rest))
			}
			to = &local
			if isGlobal || command == "" {
				to = &global
			}
		case command == "" || len(operands) == 0 && named(below, arg) != nil:
			command, path, local = arg, append(append(path, local...), arg), nil
			if c := named(below, arg); c != nil {
				known, below = c.Flags, c.Subcommands
			}
			rest = rest[1:]
			continue
		}
		*to = append(*to, rest[:n]...)
		rest = rest[n:]
	}
	out := slices.Concat(args[:1], global, path, local)
	if asked != nil {
		return slices.Concat(out, operands, asked)
	}
	if slices.ContainsFunc(operands, isFlag) {
		out = append(out, "--")
	}
	return append(out, operands...)
}

// named returns the command of that name.
func named(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// find returns the flag that arg names. A command's own goes first.
func find(arg string, global, own []cli.Flag) (f cli.Flag, isGlobal bool) {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	has := func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }
	if i := slices.IndexFunc(own, has); i >= 0 {
		return own[i], false
	}
	if i := slices.IndexFunc(global, has); i >= 0 {
		return global[i], true
	}
	return nil, false
}

// isFlag reports whether arg looks like one; "-" alone is standard input.
func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}
