//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/store"
)

const (
	latencyPuts  = 1000
	latencyReads = 4000
	blockBytes   = 64 << 10
)

// latency measures single blocks in the store, in this process.
func (b *bench) latency(ctx context.Context) error {
	dir, err := b.fresh("blocks")
	if err != nil {
		return err
	}
	return withStore(ctx, dir, func(ctx context.Context, s *store.Store) error {
		lease := s.Begin()
		defer lease.Release()
		var ratios, ours, raw []float64
		seed := uint64(0)
		for range b.rounds {
			puts, err := putLatencies(ctx, lease, &seed)
			if err != nil {
				return err
			}
			syncs, err := syncLatencies(filepath.Join(b.work, "raw"))
			if err != nil {
				return err
			}
			o, r := percentile(puts, 0.99).Seconds()*1e3, percentile(syncs, 0.99).Seconds()*1e3
			ours, raw, ratios = append(ours, o), append(raw, r), append(ratios, o/r)
		}
		b.atMost("one 64 KiB durable put, p99, to a raw write and fdatasync's", ratios, 3, "",
			fmt.Sprintf("%.2f ms against %.2f ms, %d each a round", median(ours), median(raw), latencyPuts))
		return b.readLatency(ctx, s, lease, &seed)
	})
}

func block(seed *uint64) dag.Block {
	*seed++
	data := make([]byte, blockBytes)
	rand.NewChaCha8([32]byte{byte(*seed), byte(*seed >> 8), byte(*seed >> 16), byte(*seed >> 24)}).Read(data)
	return dag.NewBlock(dag.Raw, data)
}

func putLatencies(ctx context.Context, l *store.Lease, seed *uint64) ([]time.Duration, error) {
	var all []time.Duration
	for range latencyPuts {
		blk := block(seed)
		began := time.Now()
		if _, err := l.Receive(ctx, blk); err != nil {
			return nil, err
		}
		if err := l.Flush(ctx); err != nil {
			return nil, err
		}
		all = append(all, time.Since(began))
	}
	return all, nil
}

// syncLatencies writes the same blocks to a plain file that grows.
func syncLatencies(path string) ([]time.Duration, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []time.Duration
	data := make([]byte, blockBytes)
	rand.NewChaCha8([32]byte{9}).Read(data)
	for range latencyPuts {
		began := time.Now()
		if _, err := f.Write(data); err != nil {
			return nil, err
		}
		if err := fdatasync(f); err != nil {
			return nil, err
		}
		all = append(all, time.Since(began))
	}
	return all, nil
}

// readLatency reads at random, idle and under 200 MB/s of ingest.
func (b *bench) readLatency(ctx context.Context, s *store.Store, l *store.Lease, seed *uint64) error {
	const there = 4096
	cids := make([]dag.CID, there)
	for i := range cids {
		blk := block(seed)
		if _, err := l.Receive(ctx, blk); err != nil {
			return err
		}
		cids[i] = blk.CID
	}
	if err := l.Flush(ctx); err != nil {
		return err
	}
	var ratios, idle, busy []float64
	for range b.rounds {
		quiet, err := readLatencies(ctx, s, cids)
		if err != nil {
			return err
		}
		loadCtx, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		var loadErr error
		wg.Go(func() { loadErr = ingestAt(loadCtx, l, seed, 200e6) })
		under, err := readLatencies(ctx, s, cids)
		stop()
		wg.Wait()
		if err != nil || loadErr != nil {
			return fmt.Errorf("read %w, load %w", err, loadErr)
		}
		i, u := percentile(quiet, 0.99).Seconds()*1e3, percentile(under, 0.99).Seconds()*1e3
		idle, busy, ratios = append(idle, i), append(busy, u), append(ratios, u/i)
	}
	b.atMost("read of a block, p99, under 200 MB/s of ingest to idle", ratios, 5, "",
		fmt.Sprintf("%.2f ms against %.2f ms, %d reads each a round, a reader at 1000 a second", median(busy), median(idle), latencyReads))
	return nil
}

// readLatencies reads at a steady rate, so that a slow read is not hidden by
// the reader's waiting for it.
func readLatencies(ctx context.Context, s *store.Store, cids []dag.CID) ([]time.Duration, error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	rng := rand.New(rand.NewPCG(1, 1))
	var all []time.Duration
	for range latencyReads {
		<-tick.C
		began := time.Now()
		if _, err := s.Get(ctx, cids[rng.IntN(len(cids))]); err != nil {
			return nil, err
		}
		all = append(all, time.Since(began))
	}
	return all, nil
}

// ingestAt receives new blocks at a rate until ctx ends.
func ingestAt(ctx context.Context, l *store.Lease, seed *uint64, bytesPerSecond float64) error {
	began := time.Now()
	for n := 1; ctx.Err() == nil; n++ {
		if _, err := l.Receive(ctx, block(seed)); err != nil && ctx.Err() == nil {
			return err
		}
		due := began.Add(time.Duration(float64(n) * blockBytes / bytesPerSecond * 1e9))
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(due)):
		}
	}
	return nil
}
