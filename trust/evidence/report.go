package evidence

import (
	"fmt"
	"time"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// Report tells what a package proves. Where there are Problems it proves
// nothing, and the rest says only what was found until then.
type Report struct {
	Reference    dag.Reference
	Manifest     dag.CID // its digest is the artifact's
	ArtifactType string
	Content      bool   // the package has the content, and all of it was hashed
	Blobs        int    // members that are content
	Bytes        uint64 // of content
	Logs         []Log  // the node's, then the namespace's
	Publication  Event
	Tag          *Event // the event that set the tag; nil where the reference has none
	Signers      []Signer
	Epoch        uint64        // of the newest policy; 0 where there is none
	Published    trust.Verdict // by the policy in force when the artifact was published, at that time
	Tagged       trust.Verdict // the same of the tag; that of the publication where no other event set one
	Current      trust.Verdict // by the newest policy in the package, at the time of the verification
	Problems     []Problem
}

// Log is a log whose signed checkpoint was verified.
type Log struct {
	Origin string
	Size   uint64
	Root   eventlog.Hash
}

// Event is a proven event of the namespace's log.
type Event struct {
	Kind  eventlog.Kind
	Index uint64
	Time  time.Time // by the clock of the node that wrote the log
}

// Signer is one bundle of a signature or attestation.
type Signer struct {
	Referrer  dag.Digest // the digest of the artifact that has the bundle
	Bundle    int        // which of its bundles
	Statement trust.Statement
	Name      string // the key's, by the policy or the node's log; "" where neither knows it
	Why       string // why the bundle counts for nothing; "" where it was verified
}

// Problem is something that is wrong with a package.
type Problem struct {
	Member string     // the name of the member
	Kind   fault.Kind // Corrupt: not what was exported. Denied: no root stands for it
	Why    string
}

// String returns the problem on one line.
func (p Problem) String() string { return p.Member + ": " + p.Why }

const opVerify = "verify evidence"

// findings gather problems.
type findings []Problem

func (f *findings) add(kind fault.Kind, member, format string, args ...any) {
	*f = append(*f, Problem{Member: member, Kind: kind, Why: fmt.Sprintf(format, args...)})
}

// corrupt notes a member that is not what it was.
func (f *findings) corrupt(member, format string, args ...any) {
	f.add(fault.Corrupt, member, format, args...)
}

// note notes err, where there is one, as a problem of a member. What is not
// denied or too large is corrupt: nothing that was exported is badly formed.
func (f *findings) note(member string, err error) bool {
	if err == nil {
		return true
	}
	kind := fault.KindOf(err)
	if kind != fault.Denied && kind != fault.TooLarge {
		kind = fault.Corrupt
	}
	if named, ok := err.(*fault.Error); ok && named.What == member && named.Err != nil {
		err = named.Err
	}
	f.add(kind, member, "%v", err)
	return false
}

// err returns the problems as one error: corrupt if any of them is, else of
// the kind of the first.
func (f findings) err() error {
	if len(f) == 0 {
		return nil
	}
	first := f[0]
	for _, p := range f {
		if p.Kind == fault.Corrupt && first.Kind != fault.Corrupt {
			first = p
		}
	}
	more := ""
	if n := len(f) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fault.New(first.Kind, opVerify, first.Member, "%s%s", first.Why, more)
}
