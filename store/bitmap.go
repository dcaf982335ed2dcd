package store

// bitmap is a set of slots. A nil bitmap is empty; set grows it.
type bitmap []uint64

func (b bitmap) has(i uint32) bool {
	w := int(i / 64)
	return w < len(b) && b[w]&(1<<(i%64)) != 0
}

// set adds i and reports whether it was absent.
func (b *bitmap) set(i uint32) bool {
	w := int(i / 64)
	for w >= len(*b) {
		*b = append(*b, 0)
	}
	had := (*b)[w]&(1<<(i%64)) != 0
	(*b)[w] |= 1 << (i % 64)
	return !had
}

// merge adds all of other.
func (b *bitmap) merge(other bitmap) {
	for len(*b) < len(other) {
		*b = append(*b, 0)
	}
	for i, w := range other {
		(*b)[i] |= w
	}
}

// slotSet is a set of slots of many segments.
type slotSet map[uint64]*bitmap

// add adds a slot and reports whether it was absent.
func (s slotSet) add(segment uint64, slot uint32) bool {
	b := s[segment]
	if b == nil {
		b = new(bitmap)
		s[segment] = b
	}
	return b.set(slot)
}

func (s slotSet) has(segment uint64, slot uint32) bool {
	b := s[segment]
	return b != nil && b.has(slot)
}

// merge adds all of other.
func (s slotSet) merge(other slotSet) {
	for id, from := range other {
		to := s[id]
		if to == nil {
			to = new(bitmap)
			s[id] = to
		}
		to.merge(*from)
	}
}
