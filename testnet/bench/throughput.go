//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// peers that keep the whole corpus in a repository of their own.
var (
	resticEnv = []string{"RESTIC_PASSWORD=bench", "RESTIC_PROGRESS_FPS=0"}
	borgEnv   = []string{"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes", "BORG_RELOCATED_REPO_ACCESS_IS_OK=yes"}
)

// seconds of one round, by what was done.
type round map[string]float64

// throughput puts the corpus into fresh stores, and again into the same.
func (b *bench) throughput(ctx context.Context) error {
	var rounds []round
	var rss int64
	for i := range b.rounds {
		r := make(round)
		for _, do := range []func(context.Context, round, *int64) error{b.roundOurs, b.roundCopy, b.roundRestic, b.roundBorg} {
			if err := do(ctx, r, &rss); err != nil {
				return fmt.Errorf("round %d: %w", i+1, err)
			}
		}
		fmt.Fprintln(os.Stderr, "  seconds:", r)
		rounds = append(rounds, r)
	}
	b.ratio(rounds, "put new data, durable, to `cp -r` and `sync`", "copy", "new", 0.7)
	b.ratio(rounds, "the same without SHA-256", "copy", "new without sha256", 0.9)
	b.ratio(rounds, "put new data, to `restic backup`", "restic new", "new", 3)
	b.ratio(rounds, "put new data, to `borg create` without encryption", "borg new", "new", 2)
	b.ratio(rounds, "put known data, to one core's `sha256sum`", "sha256sum", "again", 0.75)
	b.ratio(rounds, "put known data, to `restic backup` again", "restic again", "again", 2.5)
	b.atMost("resident memory of `put`", []float64{float64(rss) / (1 << 20)}, 256, " MiB", "largest of all rounds")
	return nil
}

// ratio adds how many times faster ours was than theirs, where both were measured.
func (b *bench) ratio(rounds []round, what, theirs, ours string, goal float64) {
	var ratios, t, o []float64
	for _, r := range rounds {
		if r[theirs] > 0 && r[ours] > 0 {
			ratios = append(ratios, r[theirs]/r[ours])
			t, o = append(t, b.mbs(r[theirs])), append(o, b.mbs(r[ours]))
		}
	}
	if len(ratios) == 0 {
		return
	}
	b.atLeast(what, ratios, goal, fmt.Sprintf("%.0f MB/s against %.0f MB/s", median(o), median(t)))
}

func (b *bench) mbs(seconds float64) float64 { return float64(b.corpus.bytes) / 1e6 / seconds }

func (b *bench) roundOurs(ctx context.Context, r round, rss *int64) error {
	for _, v := range []struct {
		name string
		args []string
	}{{"new without sha256", []string{"--without-sha256"}}, {"new", nil}} {
		dir, err := b.fresh("store")
		if err != nil {
			return err
		}
		put := append([]string{"put", b.corpus.dir}, v.args...)
		t, err := b.artifact(ctx, dir, put...)
		if err != nil {
			return err
		}
		r[v.name] = t.seconds
		*rss = max(*rss, t.rss)
		if v.args == nil {
			if t, err = b.artifact(ctx, dir, put...); err != nil {
				return err
			}
			r["again"] = t.seconds
			*rss = max(*rss, t.rss)
		}
	}
	return os.RemoveAll(filepath.Join(b.work, "store"))
}

func (b *bench) roundCopy(ctx context.Context, r round, _ *int64) error {
	dir, err := b.fresh("copy")
	if err != nil {
		return err
	}
	t, err := command(ctx, nil, "sh", "-c", `cp -r "$0" "$1" && sync "$1"/*`, b.corpus.dir, dir)
	if err != nil {
		return err
	}
	r["copy"] = t.seconds
	if t, err = command(ctx, nil, "sha256sum", b.corpus.mixed); err != nil {
		return err
	}
	r["sha256sum"] = t.seconds
	if b.has("b3sum") {
		if t, err = command(ctx, nil, "b3sum", "--num-threads", "1", b.corpus.mixed); err != nil {
			return err
		}
		r["b3sum"] = t.seconds
	}
	return os.RemoveAll(dir)
}

func (b *bench) roundRestic(ctx context.Context, r round, _ *int64) error {
	if !b.has("restic") {
		return nil
	}
	repo, err := b.fresh("restic")
	if err != nil {
		return err
	}
	flags := []string{"-q", "--no-cache", "-r", repo}
	if _, err := command(ctx, resticEnv, "restic", append(flags, "init")...); err != nil {
		return err
	}
	for _, name := range []string{"restic new", "restic again"} {
		t, err := command(ctx, resticEnv, "restic", append(flags, "backup", "--force", b.corpus.dir)...)
		if err != nil {
			return err
		}
		r[name] = t.seconds
	}
	return os.RemoveAll(repo)
}

func (b *bench) roundBorg(ctx context.Context, r round, _ *int64) error {
	if !b.has("borg") {
		return nil
	}
	repo, err := b.fresh("borg")
	if err != nil {
		return err
	}
	env := append(borgEnv, "BORG_BASE_DIR="+filepath.Join(b.work, "borg-home"))
	if _, err := command(ctx, env, "borg", "init", "-e", "none", repo); err != nil {
		return err
	}
	t, err := command(ctx, env, "borg", "create", repo+"::a", b.corpus.dir)
	if err != nil {
		return err
	}
	r["borg new"] = t.seconds
	return os.RemoveAll(repo)
}
