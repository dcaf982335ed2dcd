package pack

import (
	"encoding/binary"
	"testing"

	"github.com/tegwick/artifact-store/dag"
)

// The filter is there for readers of an uploaded segment, outside of this
// package: it never denies what is there, and seldom affirms what is not.
func TestFilter(t *testing.T) {
	digest := func(n int) []byte {
		d := dag.Sum(binary.LittleEndian.AppendUint32(nil, uint32(n)))
		return d[:]
	}
	for _, n := range []int{0, 1, 42, 43, 5000} {
		filter := make([]byte, filterBlocks(n)*filterBlock)
		for i := range n {
			filterAdd(filter, digest(i))
		}
		for i := range n {
			if !filterHas(filter, digest(i)) {
				t.Fatalf("of %d records the filter denies number %d", n, i)
			}
		}
		wrong := 0
		for i := range 10000 {
			if filterHas(filter, digest(n+i)) {
				wrong++
			}
		}
		if wrong > 150 {
			t.Errorf("of %d records the filter affirms %d of 10000 that are not there", n, wrong)
		}
	}
}
