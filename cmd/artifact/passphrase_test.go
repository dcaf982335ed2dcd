package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/tegwick/artifact-store/dag/fault"
)

// askPassphrase runs a command that needs a passphrase, and nothing else.
func askPassphrase(ctx context.Context, stdin io.Reader, stderr io.Writer, confirm bool, args ...string) (got []byte, err error) {
	p := &program{output: &output{stdout: stderr, stderr: stderr}, stdin: stdin}
	app := &cli.App{
		Writer: stderr, ErrWriter: stderr, Flags: []cli.Flag{passphraseFlag()},
		Action: func(c *cli.Context) error {
			var err error
			got, err = p.passphrase(c, "the key ci", confirm)
			return err
		},
	}
	err = app.RunContext(ctx, append([]string{"artifact"}, args...))
	return got, err
}

// environ sets what of the environment matters here, and nothing more.
func environ(t *testing.T, set map[string]string) {
	t.Helper()
	for _, name := range []string{"ARTIFACT_PASSPHRASE_FILE", "ARTIFACT_PASSPHRASE", "COSIGN_PASSWORD"} {
		t.Setenv(name, set[name])
		if _, ok := set[name]; !ok {
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPassphraseWithoutATerminal(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	long := strings.Repeat("x", maxPassphrase)
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want string
		kind fault.Kind // of an error
	}{
		"flag":           {nil, []string{"--passphrase-file", file("a", "one")}, "one", 0},
		"flag first":     {map[string]string{"ARTIFACT_PASSPHRASE_FILE": file("b", "two"), "ARTIFACT_PASSPHRASE": "three"}, []string{"--passphrase-file", file("a", "one")}, "one", 0},
		"file":           {map[string]string{"ARTIFACT_PASSPHRASE_FILE": file("b", "two"), "ARTIFACT_PASSPHRASE": "three"}, nil, "two", 0},
		"ours":           {map[string]string{"ARTIFACT_PASSPHRASE": "three", "COSIGN_PASSWORD": "four"}, nil, "three", 0},
		"cosign's":       {map[string]string{"COSIGN_PASSWORD": "four"}, nil, "four", 0},
		"ours, empty":    {map[string]string{"ARTIFACT_PASSPHRASE": "", "COSIGN_PASSWORD": "four"}, nil, "", 0},
		"cosign's empty": {map[string]string{"COSIGN_PASSWORD": ""}, nil, "", 0},
		"no file":        {map[string]string{"ARTIFACT_PASSPHRASE_FILE": "", "COSIGN_PASSWORD": "four"}, nil, "four", 0},
		"a line":         {nil, []string{"--passphrase-file", file("c", "with space \n")}, "with space ", 0},
		"a line of DOS":  {nil, []string{"--passphrase-file", file("d", "x\r\n")}, "x", 0},
		"no line":        {nil, []string{"--passphrase-file", file("j", "x\r")}, "x\r", 0},
		"two lines":      {nil, []string{"--passphrase-file", file("e", "x\n\n")}, "x\n", 0},
		"an empty file":  {nil, []string{"--passphrase-file", file("f", "")}, "", 0},
		"the longest":    {nil, []string{"--passphrase-file", file("g", long+"\r\n")}, long, 0},
		"too long":       {nil, []string{"--passphrase-file", file("h", long+"x")}, "", fault.TooLarge},
		"far too long":   {nil, []string{"--passphrase-file", file("i", long+long)}, "", fault.TooLarge},
		"too long a one": {map[string]string{"ARTIFACT_PASSPHRASE": long + "x"}, nil, "", fault.TooLarge},
		"absent":         {map[string]string{"COSIGN_PASSWORD": "four"}, []string{"--passphrase-file", filepath.Join(dir, "absent")}, "", fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			environ(t, c.env)
			var said bytes.Buffer
			got, err := askPassphrase(t.Context(), strings.NewReader("typed\n"), &said, true, c.args...)
			if fault.KindOf(err) != c.kind || (err != nil) != (c.kind != 0) || string(got) != c.want {
				t.Errorf("%q, %v (%v); want %q (%v)", got, err, fault.KindOf(err), c.want, c.kind)
			}
			if err == nil && got == nil {
				t.Error("an empty passphrase is none")
			}
			if said.Len() > 0 {
				t.Errorf("it said %q", said.String())
			}
			if err != nil && strings.Contains(err.Error(), "xxx") {
				t.Errorf("the error tells the passphrase: %v", err)
			}
		})
	}
}

// What is piped in is content, and never taken for a passphrase.
func TestNoPassphrase(t *testing.T) {
	environ(t, nil)
	pipe, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if _, err := write.WriteString("typed\n"); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	for _, stdin := range []io.Reader{pipe, strings.NewReader("typed\n"), nil} {
		got, err := askPassphrase(t.Context(), stdin, io.Discard, false)
		if !isUsage(err) || got != nil || !strings.Contains(err.Error(), "the key ci") {
			t.Errorf("%q, %v; want an error of usage", got, err)
		}
		for _, way := range []string{"--passphrase-file", "ARTIFACT_PASSPHRASE_FILE", "ARTIFACT_PASSPHRASE"} {
			if !strings.Contains(fault.HintOf(err), way) {
				t.Errorf("the hint %q leaves out %s", fault.HintOf(err), way)
			}
		}
	}
	if left, err := io.ReadAll(pipe); err != nil || string(left) != "typed\n" {
		t.Errorf("of the input, %q is left (%v)", left, err)
	}
}
