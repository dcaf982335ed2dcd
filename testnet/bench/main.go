//go:build linux

// Command bench measures artifact-store against its peers on this machine and
// writes docs/benchmarks.md. Each figure is a ratio of two things measured side
// by side in one run, since machines differ and are noisy; of several rounds it
// reports the median. Peers that are not installed are left out, and said so.
//
//	apt-get install -y restic borgbackup b3sum
//	make bench
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// bench is one run of the program.
type bench struct {
	rounds int
	size   int64  // bytes of each part of the corpus
	work   string // scratch directory, on the disk that is measured
	binary string // the artifact program
	corpus corpus
	rows   []row
	notes  []string
}

// measure is a group of figures that can be asked for by name.
type measure struct {
	name string
	run  func(*bench, context.Context) error
}

var measures = []measure{
	{"put", (*bench).throughput},
	{"chunk", (*bench).chunking},
	{"get", (*bench).restore},
	{"space", (*bench).space},
	{"latency", (*bench).latency},
	{"million", (*bench).million},
	{"events", (*bench).events},
	{"small", (*bench).smallFiles},
	{"sparse", (*bench).sparse},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	rounds := flag.Int("rounds", 5, "rounds of which the median counts")
	mib := flag.Int64("mib", 384, "MiB of each of the three parts of the corpus")
	dir := flag.String("tmp", "", "where to work: a directory on the disk to measure (default: the system's)")
	out := flag.String("out", "docs/benchmarks.md", "the report; - for standard output only")
	only := flag.String("only", "", "measure only these, separated by commas")
	flag.Parse()
	b := &bench{rounds: *rounds, size: *mib << 20}
	if b.work, err = os.MkdirTemp(*dir, "artifact-bench-"); err != nil {
		return err
	}
	defer func() {
		if rmErr := os.RemoveAll(b.work); err == nil {
			err = rmErr
		}
	}()
	b.binary = filepath.Join(b.work, "artifact")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.binary, "./cmd/artifact")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, text)
	}
	if err := b.makeCorpus(ctx); err != nil {
		return fmt.Errorf("make corpus: %w", err)
	}
	for _, m := range measures {
		if *only != "" && !strings.Contains(","+*only+",", ","+m.name+",") {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring:", m.name)
		if err := m.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return b.report(*out)
}
