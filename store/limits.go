package store

import "github.com/tegwick/artifact-store/dag/fault"

// MaxMetaKey is the longest key of the metadata plane: room for any path.
const MaxMetaKey = 8 << 10

// Check reports whether b is within what every engine must take: at most
// [MaxBatchOps] puts and deletes of [MaxBatchBytes] in keys and values
// together, at most MaxBatchOps requirements, keys of 1 to [MaxMetaKey] bytes
// and values of at most [MaxMetaValue]. What is not is [fault.TooLarge], an
// empty key [fault.Invalid].
//
// A key may stand in a batch more than once: puts apply in order, then deletes.
func (b Batch) Check() error {
	const op = "check metadata batch"
	if n := max(len(b.Put)+len(b.Delete), len(b.Require)); n > MaxBatchOps {
		return fault.New(fault.TooLarge, op, "", "%d operations, of at most %d", n, MaxBatchOps)
	}
	for _, p := range b.Put {
		if len(p.Value) > MaxMetaValue {
			return fault.New(fault.TooLarge, op, "", "a value of %d bytes, of at most %d", len(p.Value), MaxMetaValue)
		}
		if err := checkKey(op, p.Key); err != nil {
			return err
		}
	}
	for _, k := range b.Delete {
		if err := checkKey(op, k); err != nil {
			return err
		}
	}
	for _, r := range b.Require {
		if err := checkKey(op, r.Key); err != nil {
			return err
		}
	}
	if size := b.size(); size > MaxBatchBytes {
		return fault.New(fault.TooLarge, op, "", "%d bytes, of at most %d", size, MaxBatchBytes)
	}
	return nil
}

// size is of the keys and values that b changes, in bytes.
func (b Batch) size() (n int) {
	for _, p := range b.Put {
		n += len(p.Key) + len(p.Value)
	}
	for _, k := range b.Delete {
		n += len(k)
	}
	return n
}

func checkKey(op string, key []byte) error {
	switch {
	case len(key) == 0:
		return fault.New(fault.Invalid, op, "", "an empty key")
	case len(key) > MaxMetaKey:
		return fault.New(fault.TooLarge, op, "", "a key of %d bytes, of at most %d", len(key), MaxMetaKey)
	}
	return nil
}
