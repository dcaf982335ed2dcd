package pack

// Contents walks the frames of a whole segment as [Scan] does, but reads their
// heads only: the records' places and digests, not their payloads. The first
// place that is not a frame in order ends it as [fault.Corrupt]. It serves
// whoever has to know what a segment holds without reading all of it.
func Contents(fs FS, id uint64, store StoreID, fn func(*Frame) error) error {
	s, err := newScanner(fs, id, store)
	if err != nil {
		return err
	}
	defer s.file.Close()
	if len(s.res.Damage) > 0 {
		return s.res.Damage[0].Err()
	}
	for !s.res.Unborn {
		h, ok, reason, err := s.at(s.res.Length)
		if err != nil || !ok && reason == "" {
			return err
		}
		if ok && !s.inOrder(h) {
			reason = outOfOrder
		}
		if reason != "" {
			return Damage{Name(id), s.res.Length, Align, reason}.Err()
		}
		f := s.list(h, s.res.Length)
		if err := fn(f); err != nil {
			return err
		}
		s.pass(f)
	}
	return nil
}
