package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Get returns a block whose bytes were checked against its CID.
//
// Errors: [fault.NotFound]; [fault.Corrupt] names the segment and offset that
// do not hold what they should.
func (s *Store) Get(ctx context.Context, c dag.CID) (dag.Block, error) {
	const op = "read block"
	// A segment can go between the look-up and the read, when its blocks have
	// been moved; the second look-up finds them where they are now.
	for try := 0; ; try++ {
		data, at, err := s.read(ctx, c)
		if fault.Is(err, fault.NotFound) && try < 3 {
			if _, known, lookErr := s.locate(ctx, c.Digest); lookErr == nil && known {
				continue
			}
		}
		if err != nil {
			return dag.Block{}, fault.Wrap(fault.Other, op, c.String(), err)
		}
		b, err := dag.Check(c, data)
		return b, fault.Wrap(fault.Other, op, at, err)
	}
}

// read returns the plain bytes of a block, not yet checked, and where they
// were found.
func (s *Store) read(ctx context.Context, c dag.CID) (data []byte, at string, err error) {
	if stored, compression, plain, ok := s.appender.peek(blockID{domainPublic, c.Digest}); ok {
		data, err = pack.Decode(stored, compression, plain, nil)
		return data, "memory", err
	}
	loc, ok, err := s.locate(ctx, c.Digest)
	if err != nil {
		return nil, "", err
	}
	if !ok {
		return nil, "", fault.New(fault.NotFound, "find block", c.String(), "it is not in the store")
	}
	return s.readAt(loc)
}

func (s *Store) readAt(loc pack.Location) (data []byte, at string, err error) {
	at = place(loc)
	r, release, err := s.segments.acquire(loc.Segment)
	if err != nil {
		return nil, at, err
	}
	defer release()
	stored, err := r.ReadAt(loc, nil)
	if err != nil {
		return nil, at, err
	}
	data, err = pack.Decode(stored, loc.Compression, loc.Plain, nil)
	return data, at, fault.Wrap(fault.Other, "read", at, err)
}

// Has reports which of the blocks the store has.
func (s *Store) Has(ctx context.Context, cids []dag.CID) ([]bool, error) {
	keys := make([][]byte, len(cids))
	for i, c := range cids {
		keys[i] = blockKey(domainPublic, c.Digest)
	}
	rows, err := s.meta.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	has := make([]bool, len(cids))
	for i, c := range cids {
		has[i] = rows[i] != nil || s.appender.find(blockID{domainPublic, c.Digest}) != nil
	}
	return has, nil
}

// locate looks a block up in the index.
func (s *Store) locate(ctx context.Context, d dag.Digest) (loc pack.Location, ok bool, err error) {
	row, err := s.getOne(ctx, blockKey(domainPublic, d))
	if err != nil || row == nil {
		return loc, false, err
	}
	loc, err = decodeLocation(row)
	return loc, err == nil, err
}
