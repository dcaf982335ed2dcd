package pack

import "github.com/tegwick/artifact-store/dag/fault"

// Damage is a place of a segment file that does not hold what it should.
type Damage struct {
	File   string
	Offset int64
	Length int64 // bytes that are lost to it
	Reason string
}

// Err returns the damage as a [fault.Corrupt] error.
func (d Damage) Err() error {
	return fault.New(fault.Corrupt, "read segment", d.File, "offset %d, %d bytes: %s", d.Offset, d.Length, d.Reason)
}

// Result is how a scan ended.
type Result struct {
	State          // up to the last good frame
	Sealed *Sealed // what the footer says; nil where there is none
	// Unborn is true where the header is not whole and no frame follows:
	// making the segment was cut short, it holds nothing and can be removed.
	Unborn bool
	// Damage is empty where the scan ended cleanly: at the end of the file,
	// at zeros, or at the footer. Behind the last durable append of an
	// unsealed segment damage is what a crash leaves, elsewhere it is loss.
	Damage []Damage
}

// Scan walks the frames of a segment that follow the state from (the zero
// State: all) and calls fn for each that is whole, its payload checksums
// included. It ends at the first place that is not such a frame, and says in
// the result whether that is damage. An error is fn's, which stops the scan,
// a failed read, an absent file ([fault.NotFound]), or a header of another
// store or version. It serves recovery.
func Scan(fs FS, id uint64, store StoreID, from State, fn func(*Frame) error) (Result, error) {
	return Result{}, fault.New(fault.Unavailable, "scan segment", Name(id), "not written yet")
}

// Check walks a whole segment as [Scan] does, but goes on behind damage to
// the next frame, hands out records that fail their checksum with Found.Err
// set, and verifies a footer against the frames (see [VerifySealed]). Each
// damage is in the result. It serves fsck and the rebuilding of an index.
func Check(fs FS, id uint64, store StoreID, fn func(*Frame) error) (Result, error) {
	return Result{}, fault.New(fault.Unavailable, "check segment", Name(id), "not written yet")
}
