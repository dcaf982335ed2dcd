package restore

import (
	"bytes"
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

const (
	// window bounds the bytes that are fetched ahead, over all blobs of one
	// operation together.
	window = 16 << 20
	// ahead bounds the chunks of one blob that are fetched ahead: enough to
	// hide a store's latency, few enough to leave room for other blobs.
	ahead = 64
	// fetchers is how many chunks of one blob are asked for at once.
	fetchers = 4
)

// fetcher reads blobs. Its getter verifies what it returns, so what is left to
// check is that a chunk is as long as its tree says.
type fetcher struct {
	g    dag.Getter
	room *semaphore.Weighted   // bytes of chunks that are held and not yet used
	zero atomic.Pointer[piece] // the last chunk of zeros seen: holes repeat it
}

func newFetcher(g dag.Getter) *fetcher {
	return &fetcher{g: g, room: semaphore.NewWeighted(window)}
}

// piece is a chunk with its content.
type piece struct {
	off  int64
	cid  dag.CID
	data []byte
	hole bool // data is all zeros
	err  error
}

// pending is a piece that a fetcher works on until ready is closed.
type pending struct {
	piece
	size  int
	ready chan struct{}
}

// each calls use with every chunk of b from the one that holds offset from,
// in order, and fetches the next ones meanwhile. Use gets the error of a chunk
// that cannot be had too, and decides whether to go on; what it returns ends
// the walk.
func (f *fetcher) each(ctx context.Context, b blob, from int64, use func(piece) error) error {
	if b.tree == nil {
		return b.chunks(ctx, from, func(off int64, c dag.CID, size int) error {
			return use(f.load(ctx, off, c, size))
		})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	todo, queue := make(chan *pending, ahead), make(chan *pending, ahead)
	var group errgroup.Group
	group.Go(func() error {
		defer close(todo)
		defer close(queue)
		return b.chunks(ctx, from, func(off int64, c dag.CID, size int) error {
			return f.enqueue(ctx, todo, queue, &pending{piece: piece{off: off, cid: c}, size: size, ready: make(chan struct{})})
		})
	})
	for range fetchers {
		group.Go(func() error {
			for p := range todo {
				p.piece = f.load(ctx, p.off, p.cid, p.size)
				close(p.ready)
			}
			return nil
		})
	}
	var used error
	for p := range queue {
		<-p.ready
		if used == nil {
			if used = use(p.piece); used != nil {
				cancel()
			}
		}
		f.room.Release(int64(p.size))
	}
	if err := group.Wait(); used == nil {
		return err
	}
	return used
}

// enqueue reserves room for p and hands it to the fetchers and, in its place,
// to the user. Both channels are read until they are closed, so neither send
// can block for ever.
func (f *fetcher) enqueue(ctx context.Context, todo, queue chan<- *pending, p *pending) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.room.Acquire(ctx, int64(p.size)); err != nil {
		return err
	}
	todo <- p
	queue <- p
	return nil
}

// load gets one chunk. A hole costs one Get however long it is.
func (f *fetcher) load(ctx context.Context, off int64, c dag.CID, size int) piece {
	if z := f.zero.Load(); z != nil && z.cid == c && len(z.data) == size {
		return piece{off: off, cid: c, data: z.data, hole: true}
	}
	p := piece{off: off, cid: c}
	block, err := f.g.Get(ctx, c)
	switch {
	case err != nil:
		p.err = err
	case block.CID != c:
		p.err = fault.New(fault.Corrupt, "read chunk", c.String(), "got block %s", block.CID)
	case len(block.Data) != size:
		p.err = fault.New(fault.Corrupt, "read chunk", c.String(), "it has %d bytes where its tree or descriptor says %d", len(block.Data), size)
	default:
		p.data, p.hole = block.Data, zeros(block.Data)
		if p.hole {
			f.zero.Store(&p)
		}
	}
	return p
}

// zeros reports whether b holds nothing but zeros, and something.
func zeros(b []byte) bool {
	return len(b) > 0 && b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}
