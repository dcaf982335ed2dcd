package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/tegwick/artifact-store/dag/fault"
)

const (
	passphraseFile = "passphrase-file"
	opPassphrase   = "read passphrase"
	// maxPassphrase is the longest passphrase, in bytes.
	maxPassphrase = 1 << 10
)

// passphraseFlag is for commands that open or make a private key. There is no
// flag for a passphrase itself: other users see the arguments of a process.
func passphraseFlag() cli.Flag {
	return &cli.StringFlag{
		Name: passphraseFile, EnvVars: []string{"ARTIFACT_PASSPHRASE_FILE"}, TakesFile: true,
		Usage: "read the passphrase of the key from `FILE` (without it: from ARTIFACT_PASSPHRASE or COSIGN_PASSWORD, or it is asked for)",
	}
}

// passphrase returns the passphrase for purpose, as in "the key ci": what is in
// the file of [passphraseFlag], or else in the environment, where one that is
// set and empty is the empty passphrase. Otherwise it is asked for on the
// terminal, unseen, and once more to confirm it.
func (p *program) passphrase(c *cli.Context, purpose string, confirm bool) ([]byte, error) {
	if path := c.String(passphraseFile); path != "" {
		return readPassphrase(path)
	}
	for _, name := range []string{"ARTIFACT_PASSPHRASE", "COSIGN_PASSWORD"} {
		if value, ok := os.LookupEnv(name); ok {
			return checkPassphrase(name, []byte(value))
		}
	}
	terminal, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		err := usage("there is no passphrase for %s, and no terminal to ask for it on", plain(purpose))
		return nil, fault.Hint(err, "name a file that holds it with --%s or ARTIFACT_PASSPHRASE_FILE, or set ARTIFACT_PASSPHRASE", passphraseFile)
	}
	first, err := p.ask(c.Context, terminal, "Passphrase for "+plain(purpose))
	if err != nil || !confirm {
		return first, err
	}
	second, err := p.ask(c.Context, terminal, "The same again")
	if err == nil && !bytes.Equal(first, second) {
		err = fault.New(fault.Invalid, opPassphrase, "", "it was not the same twice")
	}
	if err != nil {
		return nil, err
	}
	return first, nil
}

// readPassphrase reads a file, which may also be a pipe. The end of its line is
// not part of the passphrase.
func readPassphrase(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		kind := fault.Other
		switch {
		case errors.Is(err, os.ErrNotExist):
			kind = fault.NotFound
		case errors.Is(err, os.ErrPermission):
			kind = fault.Denied
		}
		return nil, fault.Wrap(kind, opPassphrase, path, err)
	}
	defer f.Close()
	const line = 2 // the longest end of one
	data, err := io.ReadAll(io.LimitReader(f, maxPassphrase+line+1))
	if err != nil {
		return nil, fault.Wrap(fault.Other, opPassphrase, path, err)
	}
	if text, ended := bytes.CutSuffix(data, []byte("\n")); ended {
		data = bytes.TrimSuffix(text, []byte("\r"))
	}
	return checkPassphrase(path, data)
}

// checkPassphrase bounds a passphrase, which is never nil: an empty one is one.
func checkPassphrase(where string, phrase []byte) ([]byte, error) {
	if len(phrase) > maxPassphrase {
		return nil, fault.New(fault.TooLarge, opPassphrase, where, "it is longer than %d bytes", maxPassphrase)
	}
	return append([]byte{}, phrase...), nil
}

// ask asks for a line that is not shown. A context that ends gives the terminal
// back as it was; the read itself cannot be ended, and waits until the process
// does.
func (p *program) ask(ctx context.Context, terminal *os.File, prompt string) ([]byte, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, opPassphrase, "", err)
	}
	p.bar.clear()
	fmt.Fprint(p.stderr, prompt+": ")
	type answer struct {
		line []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		answered <- answer{line, err}
	}()
	var a answer
	select {
	case a = <-answered:
	case <-ctx.Done():
		a.err = errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
	fmt.Fprintln(p.stderr) // which the terminal did not show either
	if a.err != nil {
		return nil, fault.Wrap(fault.Unavailable, opPassphrase, "", a.err)
	}
	return checkPassphrase("", a.line)
}
