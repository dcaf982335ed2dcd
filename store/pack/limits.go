package pack

import "github.com/tegwick/artifact-store/dag"

// Sizes and limits of the format. A decoder refuses what is over a limit
// before it spends memory on it.
const (
	// Align is the unit of a segment, in bytes: blocks and frames begin and
	// end at multiples of it, and so do writes in memory and on disk, as
	// O_DIRECT asks of every device in use.
	Align = 4096
	// DefaultSegment is the usual size of a segment, in bytes.
	DefaultSegment = 256 << 20
	// MaxSegment is the largest end of a segment's frames, in bytes: offsets
	// of records are 32 bits wide.
	MaxSegment = 2 << 30
	// MaxSlots is how many records a segment takes before [Writer.Room] says
	// that it is full; the last batch may go over it.
	MaxSlots = 1 << 19
	// MaxFrameRecords is how many records the contents of a frame have room for.
	MaxFrameRecords = (headCRC - frameFixed) / tocEntry
	// MaxFramePayload is the most stored bytes that one frame holds: what a
	// scan reads at once.
	MaxFramePayload = 8 << 20
	// MaxStored is the largest stored form of one record: a block and what an
	// encryption may add to it.
	MaxStored = dag.MaxRaw + Align
	// MinBatch is the least capacity of a [Batch]: one largest record.
	MinBatch = MaxStored + Align
)

// The largest file that is looked at as a segment: frames and a footer.
const maxFile = 2 * MaxSegment
