package conformance_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tegwick/artifact-store/testnet/conformance"
)

// tool returns the path of a pinned program, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	tools := conformance.Tools()
	i := slices.IndexFunc(tools, func(tool conformance.Tool) bool { return tool.Name == name })
	if i < 0 {
		t.Fatalf("%s is not among the tools", name)
	}
	bin, err := filepath.Abs(filepath.Join("..", "..", conformance.Bin))
	if err != nil {
		t.Fatal(err)
	}
	if err := tools[i].Installed(bin); err != nil {
		t.Skipf("left out without %s, which `make conformance` installs: %v", name, err)
	}
	return tools[i].Path(bin)
}

// run runs a program with what it is to read from standard input. The exit code
// is -1 where it did not run to its end.
func run(t *testing.T, stdin []byte, name string, args ...string) (stdout []byte, said string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.Bytes(), errs.String(), cmd.ProcessState.ExitCode()
}

// system returns the path of a program of the system, or skips the test.
func system(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("left out without %s, to be installed as the system has it: %v", name, err)
	}
	return path
}
