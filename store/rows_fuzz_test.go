package store

import (
	"bytes"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/store/pack"
)

// FuzzLocation reads any bytes as a block's place: what is taken means one
// place, and no more than it can mean.
func FuzzLocation(f *testing.F) {
	f.Add(encodeLocation(pack.Location{Segment: 7, Slot: 3, Offset: 8192, Stored: 10, Plain: 20, Compression: pack.S2, Type: pack.Chunk}))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := decodeLocation(data)
		if err != nil {
			return
		}
		if again, err := decodeLocation(encodeLocation(l)); err != nil || again != l {
			t.Fatalf("%+v became %+v, %v", l, again, err)
		}
	})
}

// FuzzSegmentRow does the same for a segment's state.
func FuzzSegmentRow(f *testing.F) {
	f.Add(segmentRow{State: segmentSealed, At: pack.State{Length: 1 << 28, Frames: 60, Slots: 4000}, Bytes: 1 << 27}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeSegmentRow(data)
		if err != nil {
			return
		}
		if again, err := decodeSegmentRow(r.encode()); err != nil || again != r {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
	})
}

// FuzzChange reads any bytes as a reference change: what is taken was canonical.
func FuzzChange(f *testing.F) {
	m := dag.NewBlock(dag.Cbor, nil).CID
	for _, c := range []change{
		{Version: 1, Sequence: 1, Time: 2, Op: opPublish, Repository: "acme/report", Tag: "v1", Manifest: &m},
		{Version: 1, Sequence: 2, Time: 3, Op: opUntag, Repository: "acme/report", Tag: "v1"},
	} {
		data, err := c.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeChange(data)
		if err != nil {
			return
		}
		if again, err := c.encode(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x became %x, %v", data, again, err)
		}
	})
}
