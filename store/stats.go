package store

import (
	"context"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// Stats counts what a store holds.
type Stats struct {
	Repositories, Artifacts, Tags int64
	Blocks                        int64 // in the index
	PlainBytes                    int64 // of the blocks, before compression
	StoredBytes                   int64 // of the blocks, as they are stored
	Segments                      int64
	DiskBytes                     int64 // of the segment files, preallocated space included
}

// Stats counts. It reads the whole index.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var st Stats
	last := ""
	err := s.Artifacts(ctx, "", func(a Artifact) error {
		st.Artifacts++
		if a.Repository != last {
			last = a.Repository
			st.Repositories++
		}
		st.Tags += int64(len(a.Tags))
		return nil
	})
	if err != nil {
		return st, err
	}
	err = s.meta.Iterate(ctx, []byte(prefixBlock), nil, func(_, v []byte) error {
		loc, err := decodeLocation(v)
		st.Blocks++
		st.PlainBytes += int64(loc.Plain)
		st.StoredBytes += int64(loc.Stored)
		return err
	})
	if err != nil {
		return st, err
	}
	names, err := s.opt.Packs.List()
	if err != nil {
		return st, err
	}
	for _, name := range names {
		id, ok := pack.ParseName(name)
		if !ok {
			continue
		}
		size, err := s.fileSize(id)
		if fault.Is(err, fault.NotFound) {
			continue // it went with a collection meanwhile
		}
		if err != nil {
			return st, err
		}
		st.Segments++
		st.DiskBytes += size
	}
	return st, nil
}
