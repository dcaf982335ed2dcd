package store_test

import (
	"context"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

// What links to a block that could not be written learns why it was not, and
// not only that it is missing.
func TestLinkToWhatWasNotWritten(t *testing.T) {
	full := func(o *store.Options) {
		o.Admit = func(int64) error { return fault.New(fault.Full, "admit", "", "no room") }
	}
	w := newWorld(t, full)
	l := w.s.Begin()
	defer l.Release()
	leaf := chunk(1, 0, 1000)
	if _, err := l.Receive(context.Background(), leaf); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(context.Background()); !fault.Is(err, fault.Full) {
		t.Fatalf("flush: %v", err)
	}
	data, err := dagcbor.Marshal([]dag.CID{leaf.CID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Receive(context.Background(), dag.NewBlock(dag.Cbor, data)); !fault.Is(err, fault.Full) {
		t.Errorf("a node over a block that found no room: %v; want full", err)
	}
}
