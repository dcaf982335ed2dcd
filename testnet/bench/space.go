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

// space puts a next version, then deletes half of what there is.
func (b *bench) space(ctx context.Context) error {
	dir, err := b.fresh("store")
	if err != nil {
		return err
	}
	if _, err := b.artifact(ctx, dir, "put", b.corpus.tar, "--as", "bench/tar:v1"); err != nil {
		return err
	}
	t, err := b.artifact(ctx, dir, "put", b.corpus.tar2, "--as", "bench/tar:v2")
	if err != nil {
		return err
	}
	next, err := decode[putResult](t)
	if err != nil {
		return err
	}
	b.atMost("next version of the tar stores, of its bytes", []float64{100 * float64(next.NewBytes) / float64(next.Bytes)}, 2.5, " %",
		fmt.Sprintf("%.1f of %d MB, one source file in 50 edited; one run", float64(next.NewBytes)/1e6, next.Bytes/1e6))

	if dir, err = b.fresh("store"); err != nil {
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
	if t, err = b.artifact(ctx, dir, "gc", "--compress", "none"); err != nil {
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
