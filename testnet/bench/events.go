//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/chunk"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/ingest"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/trust"
)

const (
	manyEvents   = 1_000_000
	eventRepos   = 1000 // with an artifact each, whose tags are set
	eventTags    = 20   // of each
	eventClients = 2048 // that set tags at once
	eventSingles = 2000 // one after the other, a round
	eventProofs  = 1000 // a round
)

// tagger appends events: it sets tags, with the leave of no policy.
type tagger struct {
	s         *store.Store
	artifacts []store.Artifact
	next      atomic.Int64
}

// events measures how fast logs grow, and what a million events cost then.
func (b *bench) events(ctx context.Context) error {
	dir, err := b.fresh("events")
	if err != nil {
		return err
	}
	err = withStore(ctx, dir, func(ctx context.Context, s *store.Store) error {
		t := &tagger{s: s}
		if err := t.begin(ctx); err != nil {
			return err
		}
		if err := b.singleEvents(ctx, t); err != nil {
			return err
		}
		return b.batchedEvents(ctx, t)
	})
	if err != nil {
		return err
	}
	cfg := node.Config{Dir: dir, StateDir: filepath.Join(b.work, "state")}
	if err := node.With(ctx, cfg, b.proofs); err != nil {
		return err
	}
	if err := b.auditEvents(ctx, dir); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// begin publishes the artifacts: one manifest, in each repository.
func (t *tagger) begin(ctx context.Context) error {
	lease := t.s.Begin()
	defer lease.Release()
	profile, err := chunk.Lookup("default")
	if err != nil {
		return err
	}
	kept, err := ingest.Ingest(ctx, lease, ingest.Request{Paths: []string{"-"}, Stdin: strings.NewReader("1"), Profile: profile})
	if err != nil {
		return err
	}
	for i := range eventRepos {
		p := store.Publication{Repository: eventRepo(i), Manifest: kept.Manifest}
		leave, err := admit(p)
		if err != nil {
			return err
		}
		a, err := lease.Publish(ctx, leave, p)
		if err != nil {
			return err
		}
		t.artifacts = append(t.artifacts, a)
	}
	return nil
}

func admit(p store.Publication) (trust.Admission, error) {
	var open *trust.Policy
	return open.Admit(trust.Subject{Repository: p.Repository, Tag: p.Tag, Manifest: p.Manifest}, nil, time.Now())
}

func eventRepo(i int) string { return fmt.Sprintf("bench/r%03d", i%eventRepos) }

func eventTag(i int) string { return fmt.Sprintf("t%02d", i/eventRepos%eventTags) }

// append appends the next event, durably.
func (t *tagger) append(ctx context.Context) error {
	i := int(t.next.Add(1)) - 1
	a := t.artifacts[i%eventRepos]
	p := store.Publication{Repository: a.Repository, Tag: eventTag(i), Manifest: a.Manifest}
	leave, err := admit(p)
	if err != nil {
		return err
	}
	return t.s.Tag(ctx, leave, a, p)
}

// by has clients append n events, and returns how many that were a second.
func (t *tagger) by(ctx context.Context, clients int, n int64) (float64, error) {
	var left atomic.Int64
	left.Store(n)
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range clients {
		group.Go(func() error {
			for left.Add(-1) >= 0 {
				if err := t.append(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(n) / time.Since(began).Seconds(), err
}

func (b *bench) singleEvents(ctx context.Context, t *tagger) error {
	var rates []float64
	for range b.rounds {
		rate, err := t.by(ctx, 1, eventSingles)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	b.atLeast("durable events a second, one at a time", rates, 1000, fmt.Sprintf("tags that are set, %d a round", eventSingles))
	return nil
}

// batchedEvents fills the log.
func (b *bench) batchedEvents(ctx context.Context, t *tagger) error {
	const of = 20 // rounds
	var rates []float64
	each := (manyEvents - eventRepos - t.next.Load()) / of
	for range of {
		rate, err := t.by(ctx, eventClients, each)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	b.atLeast("durable events a second, in batches", rates, 50_000,
		fmt.Sprintf("%d clients at once; median of %d rounds of %d, to a million", eventClients, of, each))
	return nil
}

func (b *bench) proofs(ctx context.Context, n *node.Node) error {
	var ms []float64
	for range b.rounds {
		began := time.Now()
		for i := range eventProofs {
			at := i * 7919 // over repositories and tags
			if _, err := n.Prove(ctx, dag.Reference{Repository: eventRepo(at), Tag: eventTag(at)}); err != nil {
				return err
			}
		}
		ms = append(ms, time.Since(began).Seconds()*1e3/eventProofs)
	}
	b.atMost("inclusion proof in a log of a million events", ms, 1, " ms", fmt.Sprintf("by tag, checkpoint and entry included; mean of %d a round", eventProofs))
	return nil
}

// auditEvents verifies and replays the log, each by a process of its own.
func (b *bench) auditEvents(ctx context.Context, dir string) error {
	for _, m := range []struct {
		what string
		goal float64
		args []string
	}{
		{"verify a log of a million events", 30, []string{"log", "verify"}},
		{"rebuild the views from a million events", 60, []string{"rebuild"}},
	} {
		var seconds []float64
		var rss int64
		for range min(b.rounds, 3) {
			t, err := b.artifact(ctx, dir, m.args...)
			if err != nil {
				return err
			}
			seconds, rss = append(seconds, t.seconds), max(rss, t.rss)
		}
		b.atMost(m.what, seconds, m.goal, " s", fmt.Sprintf(
			"the whole process, median of 3; up to %d MiB resident, with the files of the index that it maps", rss>>20))
	}
	return nil
}
