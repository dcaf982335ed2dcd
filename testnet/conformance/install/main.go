// Command install builds the programs of package conformance that are not yet
// in the cache, and says what it does. A program that cannot be built is left
// out with a word on it, for its tests are skipped; so install fails only where
// it is interrupted. It is run from the root of the module:
//
//	go run ./testnet/conformance/install [NAME...]
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tegwick/artifact-store/testnet/conformance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

// run installs the programs named, or all.
func run(ctx context.Context, names []string) error {
	for _, tool := range conformance.Tools() {
		if len(names) > 0 && !slices.Contains(names, tool.Name) {
			continue
		}
		title := strings.TrimSpace(tool.Name + " " + tool.Version)
		if tool.Dir == "" && tool.Installed(conformance.Bin) == nil {
			fmt.Println(title, "is there")
			continue
		}
		fmt.Println(title, "is built from", tool.Package)
		began := time.Now()
		err := build(ctx, tool)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			fmt.Println(title, "CANNOT BE BUILT, its tests will be skipped:", err)
		default:
			fmt.Println(title, "took", time.Since(began).Round(time.Second))
		}
	}
	return nil
}

// build builds the program into a directory of its own, since the names of
// commands are not unique, and moves it to its place when it is whole.
func build(ctx context.Context, tool conformance.Tool) error {
	if err := os.MkdirAll(conformance.Bin, 0o755); err != nil {
		return err
	}
	scratch, err := filepath.Abs(filepath.Join(conformance.Bin, "..", "building-"+tool.Name))
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	// Both forms leave the modules of the product alone.
	what := tool.Package + "@" + tool.Version
	if tool.Dir != "" {
		what = "."
	}
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags=-s -w", what)
	cmd.Dir = filepath.FromSlash(tool.Dir)
	cmd.Env = append(cmd.Environ(), "GOBIN="+scratch, "CGO_ENABLED=0", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, last(string(out), 20))
	}
	built := conformance.Tool{Name: path.Base(tool.Package)}.Path(scratch)
	if err := os.Rename(built, tool.Path(conformance.Bin)); err != nil {
		return err
	}
	return tool.Installed(conformance.Bin)
}

// last returns the last n lines of a text.
func last(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
