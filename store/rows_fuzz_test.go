package store

import (
	"bytes"
	"testing"

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

// FuzzRecord reads any bytes as a record: what is taken was canonical.
func FuzzRecord(f *testing.F) {
	for _, r := range []record{
		{Version: 1, Sequence: 1, Namespace: "acme", Origin: "example.org/acme", Leaf: []byte{1}, Salt: []byte{2}, Payload: []byte{3}},
		{Version: 1, Sequence: 2, Origin: "example.org/_node/0", Index: 7, Leaf: []byte{1}},
	} {
		packed, err := r.pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed.Payload)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		if again, err := r.pack(); err != nil || !bytes.Equal(again.Payload, data) {
			t.Fatalf("%x became %x, %v", data, again.Payload, err)
		}
	})
}
