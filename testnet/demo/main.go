// Command demo builds the program and lives a short story with it, on the
// sources of the Go that runs it: keep them, keep a changed version, get it
// back, and take the first away. It prints each command and what came of it,
// and leaves nothing behind.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "artifact-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{ctx: ctx, dir: dir}
	fmt.Printf("Everything happens in %s, which goes away at the end.\n", dir)
	for _, step := range []func() error{d.build, d.first, d.second, d.back, d.away} {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Println("\nThat was all: what went in came out, and what was not needed any more is gone.")
	return nil
}

// demo is one telling of the story.
type demo struct {
	ctx     context.Context
	dir     string
	sources string // of Go
	changed string // the copy that was edited
}

// at is a path in the demo's directory.
func (d *demo) at(name string) string { return filepath.Join(d.dir, name) }

func (d *demo) build() error {
	chapter("Build the program")
	root, err := d.output("go", "env", "GOROOT")
	if err != nil {
		return err
	}
	d.sources = filepath.Join(root, "src")
	fmt.Println("$ go build -o artifact ./cmd/artifact")
	cmd := exec.CommandContext(d.ctx, "go", "build", "-trimpath", "-o", d.at("artifact"), "./cmd/artifact")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

func (d *demo) first() error {
	chapter("Keep the sources of Go")
	return d.artifact("put", d.sources, "--as", "demo/go-src:v1")
}

func (d *demo) second() error {
	chapter("Keep a part of them again, with some files changed")
	d.changed = d.at("changed")
	files, edited, err := copyEdited(d.ctx, filepath.Join(d.sources, "cmd"), d.changed)
	if err != nil {
		return err
	}
	fmt.Printf("copied %d files of %s and added a line to %d of them\n", files, filepath.Join(d.sources, "cmd"), edited)
	if err := d.artifact("put", d.changed, "--as", "demo/go-src:v2"); err != nil {
		return err
	}
	if err := d.artifact("ls"); err != nil {
		return err
	}
	var total struct {
		Plain  int64 `json:"plain_bytes"`
		Stored int64 `json:"stored_bytes"`
	}
	if err := d.read(&total, "stats"); err != nil {
		return err
	}
	fmt.Printf("both versions together are stored in %d MiB: what they share is there once\n", total.Stored>>20)
	return nil
}

func (d *demo) back() error {
	chapter("Get the changed version back, and compare")
	if err := d.artifact("get", "demo/go-src:v2", "-o", d.at("restored")); err != nil {
		return err
	}
	n, err := compare(d.ctx, d.changed, d.at("restored"))
	if err != nil {
		return err
	}
	fmt.Printf("compared %d entries: the same names, permissions and bytes\n", n)
	return d.artifact("verify", "demo/go-src:v2")
}

func (d *demo) away() error {
	chapter("Take the first version away, and check what is left")
	for _, args := range [][]string{
		{"rm", "demo/go-src:v1"}, {"gc"}, {"verify", "demo/go-src:v2"}, {"fsck"}, {"stats"},
	} {
		if err := d.artifact(args...); err != nil {
			return err
		}
	}
	return nil
}

func chapter(title string) { fmt.Printf("\n== %s\n", title) }

// artifact shows a command line, runs it, and shows what it says.
func (d *demo) artifact(args ...string) error {
	fmt.Println("$ artifact", strings.Join(args, " "))
	cmd := exec.CommandContext(d.ctx, d.at("artifact"), args...)
	cmd.Env = d.environ()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout // in the order in which they were said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("artifact %s: %w", args[0], err)
	}
	return nil
}

// environ has all that the program keeps in the demo's directory.
func (d *demo) environ() []string {
	return append(os.Environ(), "ARTIFACT_DIR="+d.at("store"), "ARTIFACT_STATE_DIR="+d.at("state"))
}

// read runs a command for its JSON.
func (d *demo) read(into any, args ...string) error {
	out, err := d.output(d.at("artifact"), append([]string{"--json"}, args...)...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out), into)
}

func (d *demo) output(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(d.ctx, name, args...)
	cmd.Env = d.environ()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(bytes.TrimSpace(out)), nil
}
