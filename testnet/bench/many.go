//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/store"
)

const (
	manyChunks = 1_000_000
	manyFiles  = 100_000
)

// million opens a store of a million chunks. They are small, since the index
// does not know: 64 KiB each would be 64 GB of disk.
func (b *bench) million(ctx context.Context) error {
	dir, err := b.fresh("million")
	if err != nil {
		return err
	}
	err = withStore(ctx, dir, func(ctx context.Context, s *store.Store) error {
		l := s.Begin()
		defer l.Release()
		var data [512]byte
		for i := range manyChunks {
			binary.LittleEndian.PutUint64(data[:], uint64(i))
			if _, err := l.Receive(ctx, dag.NewBlock(dag.Raw, data[:])); err != nil {
				return err
			}
		}
		return l.Flush(ctx)
	})
	if err != nil {
		return err
	}
	var seconds []float64
	var rss int64
	for range b.rounds {
		t, err := b.artifact(ctx, dir, "ls")
		if err != nil {
			return err
		}
		seconds, rss = append(seconds, t.seconds), max(rss, t.rss)
	}
	b.atMost("open a store of a million chunks, with `ls` and exit", seconds, 1, " s", "the whole process")
	b.atMost("resident memory of that", []float64{float64(rss) / (1 << 20)}, 256, " MiB", "largest of all rounds")
	return os.RemoveAll(dir)
}

// smallFiles puts many small files and gets them back.
func (b *bench) smallFiles(ctx context.Context) error {
	tree, err := b.fresh("small")
	if err != nil {
		return err
	}
	if err := writeSmall(tree); err != nil {
		return err
	}
	var puts, gets []float64
	var rss int64
	for range min(b.rounds, 3) {
		dir, err := b.fresh("store")
		if err != nil {
			return err
		}
		t, err := b.artifact(ctx, dir, "put", tree, "--as", "bench/small:v1")
		if err != nil {
			return err
		}
		puts, rss = append(puts, t.seconds), max(rss, t.rss)
		to, err := b.fresh("restored")
		if err != nil {
			return err
		}
		if t, err = b.artifact(ctx, dir, "get", "bench/small:v1", "-o", to); err != nil {
			return err
		}
		gets, rss = append(gets, t.seconds), max(rss, t.rss)
		if _, err := command(ctx, nil, "diff", "-r", tree, to); err != nil {
			return fmt.Errorf("what came back differs: %w", err)
		}
	}
	b.atMost("put 100,000 files of 1 KiB", puts, 20, " s", "median of 3")
	b.atMost("get them back, compared by `diff -r`", gets, 20, " s", "median of 3; no figure was asked for")
	b.atMost("resident memory of both", []float64{float64(rss) / (1 << 20)}, 256, " MiB", "largest")
	return os.RemoveAll(tree)
}

func writeSmall(tree string) error {
	data := make([]byte, 1024)
	for i := range manyFiles {
		dir := filepath.Join(tree, fmt.Sprintf("%03d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		binary.LittleEndian.PutUint64(data, uint64(i))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%06d", i)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sparse streams 20 GB of zeros through: what counts is the memory.
func (b *bench) sparse(ctx context.Context) error {
	path, err := b.fresh("sparse")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(path, 20e9); err != nil {
		return err
	}
	dir, err := b.fresh("store")
	if err != nil {
		return err
	}
	t, err := b.artifact(ctx, dir, "put", path)
	if err != nil {
		return err
	}
	b.atMost("resident memory of `put` of a sparse file of 20 GB", []float64{float64(t.rss) / (1 << 20)}, 256, " MiB",
		fmt.Sprintf("it took %.1f s; one run", t.seconds))
	return os.RemoveAll(path)
}
