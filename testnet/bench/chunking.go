//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tegwick/artifact-store/dag/chunk"
)

// chunking cuts the corpus in memory. What counts is the time that the thread
// had a core, which neighbours on the machine do not change.
func (b *bench) chunking(ctx context.Context) error {
	data, err := os.ReadFile(b.corpus.mixed)
	if err != nil {
		return err
	}
	profile, err := chunk.Lookup("default")
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var speeds []float64
	for range b.rounds {
		began, err := threadSeconds()
		if err != nil {
			return err
		}
		for rest := data; len(rest) > 0; {
			rest = rest[profile.Cut(rest):]
		}
		ended, err := threadSeconds()
		if err != nil {
			return err
		}
		speeds = append(speeds, float64(len(data))/1e9/(ended-began))
	}
	b.atLeast("chunking, GB a second of a core's time", speeds, 2, "the whole corpus, from memory")
	return nil
}

// restore gets one large artifact back, its store and `sha256sum`'s file both
// in the page cache.
func (b *bench) restore(ctx context.Context) error {
	dir, err := b.fresh("store")
	if err != nil {
		return err
	}
	if _, err := b.artifact(ctx, dir, "put", b.corpus.mixed, "--as", "bench/mixed:v1"); err != nil {
		return err
	}
	var rounds []round
	var rss int64
	for i := range b.rounds + 1 {
		to, err := b.fresh("restored")
		if err != nil {
			return err
		}
		r := make(round)
		t, err := b.artifact(ctx, dir, "get", "bench/mixed:v1", "-o", to)
		if err != nil {
			return err
		}
		r["get"], rss = t.seconds, max(rss, t.rss)
		if t, err = command(ctx, nil, "sha256sum", b.corpus.mixed); err != nil {
			return err
		}
		r["sha256sum"] = t.seconds
		if t, err = command(ctx, nil, "cp", b.corpus.mixed, filepath.Join(to, "copy")); err != nil {
			return err
		}
		r["cp"] = t.seconds
		if i > 0 { // the first warms the cache
			rounds = append(rounds, r)
			fmt.Fprintln(os.Stderr, "  seconds:", r)
		}
	}
	b.ratio(rounds, "get a large artifact, verified, to `sha256sum` of it", "sha256sum", "get", 0.8)
	b.atMost("resident memory of `get`", []float64{float64(rss) / (1 << 20)}, 256, " MiB", "largest of all rounds")
	return os.RemoveAll(filepath.Join(b.work, "restored"))
}
