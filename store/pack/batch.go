package pack

import "time"

// Batch is an aligned buffer of frames that is filled, appended to a segment,
// and used again. It is for one goroutine at a time.
type Batch struct {
	buf     []byte
	frames  []span
	records []Found // Slot and Offset count from the start of the batch
	end     int     // of the last payload
}

// span is one frame of the batch.
type span struct {
	at      int // offset of its head
	count   int // records
	payload int // stored bytes
}

// NewBatch returns an empty batch that takes frames of up to capacity bytes,
// heads and padding included; less than [MinBatch] is raised to it.
func NewBatch(capacity int) *Batch {
	return &Batch{buf: Buffer(up(max(capacity, MinBatch)))}
}

// Add copies r's payload to its final place in the batch and returns the
// record's index in it. ok is false where it does not fit: never for an empty
// batch, except where the payload is over [MaxStored].
func (b *Batch) Add(r Record) (index int, ok bool) {
	size := len(r.Payload)
	if size > MaxStored || !b.place(size) {
		return 0, false
	}
	f := &b.frames[len(b.frames)-1]
	copy(b.buf[b.end:], r.Payload)
	putEntry(b.buf[f.at:], f.count, entry{
		typ: r.Type, compression: r.Compression, key: r.KeyID, plain: r.Plain,
		stored: uint32(size), crc: checksum(r.Payload), digest: r.Digest,
	})
	index = len(b.records)
	b.records = append(b.records, Found{KeyID: r.KeyID, Digest: r.Digest, Location: Location{
		Slot: uint32(index), Offset: uint32(b.end), Stored: uint32(size), Plain: r.Plain,
		Compression: r.Compression, Type: r.Type,
	}})
	f.count++
	f.payload += size
	b.end += size
	return index, true
}

// Fits reports whether count more records, of so many stored bytes together,
// surely have room in the batch.
func (b *Batch) Fits(count, stored int) bool {
	frames := 2 + count/MaxFrameRecords + stored/(MaxFramePayload-MaxStored)
	return up(b.end)+stored+2*Align*frames <= len(b.buf)
}

// place makes sure that the last frame takes size more bytes, beginning
// another frame where it does not.
func (b *Batch) place(size int) bool {
	if n := len(b.frames); n > 0 {
		f := b.frames[n-1]
		if f.count < MaxFrameRecords && f.payload+size <= MaxFramePayload {
			return up(b.end+size) <= len(b.buf)
		}
	}
	at := up(b.end)
	if up(at+Align+size) > len(b.buf) {
		return false
	}
	clear(b.buf[at : at+Align])
	b.frames = append(b.frames, span{at: at})
	b.end = at + Align
	return true
}

// Len returns the number of records in the batch.
func (b *Batch) Len() int { return len(b.records) }

// Bytes returns how many bytes of a segment the batch takes.
func (b *Batch) Bytes() int { return up(b.end) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.frames, b.records, b.end = b.frames[:0], b.records[:0], 0
}

// Payload returns the stored bytes of a record in the batch, valid until
// [Batch.Reset]: for reading what is not yet written.
func (b *Batch) Payload(index int) []byte {
	r := &b.records[index]
	return b.buf[r.Offset : r.Offset+r.Stored : r.Offset+r.Stored]
}

// Record returns a record of the batch. Its payload is as that of
// [Batch.Payload].
func (b *Batch) Record(index int) Record {
	r := &b.records[index]
	return Record{
		Type: r.Type, Compression: r.Compression, KeyID: r.KeyID,
		Plain: r.Plain, Digest: r.Digest, Payload: b.Payload(index),
	}
}

// seal completes the frames as those that follow at in the segment and
// returns the bytes to write. It may be done again, for another segment.
func (b *Batch) seal(id uint64, store StoreID, at State, now time.Time) []byte {
	h := head{segment: id, store: store, ordinal: at.Frames, slot: at.Slots, millis: now.UnixMilli()}
	for _, f := range b.frames {
		end := f.at + Align + f.payload
		clear(b.buf[end:up(end)])
		h.count, h.payload = f.count, f.payload
		h.put(b.buf[f.at : f.at+Align])
		h.ordinal++
		h.slot += uint32(f.count)
	}
	return b.buf[:b.Bytes()]
}

// locations returns where the records stand once the batch is written at at.
func (b *Batch) locations(id uint64, at State) []Location {
	out := make([]Location, len(b.records))
	for i := range b.records {
		l := b.records[i].Location
		l.Segment = id
		l.Slot += at.Slots
		l.Offset += uint32(at.Length)
		out[i] = l
	}
	return out
}
