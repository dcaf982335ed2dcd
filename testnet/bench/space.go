//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

type putResult struct {
	Bytes    int64 `json:"bytes"`
	NewBytes int64 `json:"new_bytes"`
}

// space puts next versions, and deletes half of what there is.
func (b *bench) space(ctx context.Context) error {
	// What a next version takes is one chunk for each place that changed, so it
	// follows from how many there are and how they are spread: here evenly, the
	// worst case.
	for _, n := range []int{300, 50} {
		if err := b.next(ctx, n, "default"); err != nil {
			return err
		}
	}
	if err := b.next(ctx, 50, "fine"); err != nil {
		return err
	}
	return b.deleteHalf(ctx)
}

// next puts the toolchain, and again with one source file in n edited.
func (b *bench) next(ctx context.Context, n int, profile string) error {
	dir, err := b.fresh("store")
	if err != nil {
		return err
	}
	if _, err := b.artifact(ctx, dir, "put", b.corpus.tar, "--profile", profile); err != nil {
		return err
	}
	path := filepath.Join(b.work, "next.tar")
	if err := writeTar(path, b.corpus.goroot, b.size, editOneIn(n)); err != nil {
		return err
	}
	t, err := b.artifact(ctx, dir, "put", path, "--profile", profile)
	if err != nil {
		return err
	}
	next, err := decode[putResult](t)
	if err != nil {
		return err
	}
	b.atMost(fmt.Sprintf("next version of the tar, one source file in %d edited, profile `%s`: stores, of its bytes", n, profile),
		[]float64{100 * float64(next.NewBytes) / float64(next.Bytes)}, 2.5, " %",
		fmt.Sprintf("%.1f of %d MB; one run", float64(next.NewBytes)/1e6, next.Bytes/1e6))
	return os.Remove(path)
}

// deleteHalf puts two artifacts of one size, removes one and collects.
func (b *bench) deleteHalf(ctx context.Context) error {
	dir, err := b.fresh("store")
	if err != nil {
		return err
	}
	half := filepath.Join(b.corpus.dir, "random")
	for ref, path := range map[string]string{"bench/gone:v1": half, "bench/kept:v1": filepath.Join(b.corpus.dir, "text")} {
		if _, err := b.artifact(ctx, dir, "put", path, "--as", ref); err != nil {
			return err
		}
	}
	if _, err := b.artifact(ctx, dir, "rm", "bench/gone:v1"); err != nil {
		return err
	}
	t, err := b.artifact(ctx, dir, "gc", "--compress", "none")
	if err != nil {
		return err
	}
	disk, err := diskBytes(dir)
	if err != nil {
		return err
	}
	ballast, err := diskBytes(filepath.Join(dir, "ballast"))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	b.atMost("on disk after deleting half and gc, to the live bytes", []float64{float64(disk-ballast) / float64(b.size)}, 1.25, "",
		fmt.Sprintf("%.0f MB for %.0f MB live, index included, uncompressed; gc took %.1f s; one run", float64(disk-ballast)/1e6, float64(b.size)/1e6, t.seconds))
	return nil
}
