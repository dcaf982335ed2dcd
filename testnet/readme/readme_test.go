// Package readme holds the README to its word: its commands are run.
package readme

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// blocks returns the fenced blocks of the README, in order.
func blocks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?s)```\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	if len(found) != 3 {
		t.Fatalf("the README has %d blocks of commands; this test knows 3", len(found))
	}
	return found
}

// TestTheTwoCommands runs `make demo`. `make test` is what runs this test.
func TestTheTwoCommands(t *testing.T) {
	if got := strings.Fields(blocks(t)[0]); strings.Join(got, " ") != "make demo make test" {
		t.Fatalf("the first block is %q", got)
	}
	if testing.Short() {
		t.Skip("make demo takes a while; it is run without -short")
	}
	run(t, "../..", "make demo", nil)
}

// TestTheFirstSteps runs the other blocks as a new user would, in a copy of
// nothing but what they need: the tree to build, and a directory to put.
func TestTheFirstSteps(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	home, state, data := t.TempDir(), t.TempDir(), t.TempDir()
	bin := filepath.Join(t.TempDir(), "bin")
	script := blocks(t)[1] + blocks(t)[2]
	script = strings.Replace(script, "make build", "(cd '"+root+"' && go build -o '"+bin+"/artifact' ./cmd/artifact)", 1)
	script = strings.Replace(script, `"$PWD/bin:$PATH"`, "'"+bin+"':\"$PATH\"", 1)
	if err := os.Mkdir(filepath.Join(data, "report"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "report", "result.txt"), []byte("42\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := run(t, data, "set -e\n"+script, []string{"XDG_DATA_HOME=" + home, "ARTIFACT_DIR=", "ARTIFACT_STATE_DIR=" + state})
	if !strings.Contains(out, "acme/report:v1") {
		t.Errorf("ls does not show what was put:\n%s", out)
	}
	if !strings.Contains(out, "report-v1.tar proves acme/report:v1") {
		t.Errorf("the evidence does not prove what was put:\n%s", out)
	}
	got, err := os.ReadFile(filepath.Join(data, "copy", "result.txt"))
	if err != nil || string(got) != "42\n" {
		t.Fatalf("the copy has %q, %v", got, err)
	}
}

func run(t *testing.T, dir, script string, env []string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}
