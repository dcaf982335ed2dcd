package trust

// Verdict is what a policy makes of a subject.
type Verdict struct {
	Allowed  bool   // every outcome is OK
	Epoch    uint64 // of the policy; 0 where none is set
	Outcomes []Outcome
}

// Outcome is what one rule came to.
type Outcome struct {
	Rule string // what was asked: "expiry", "publish acme/prod", "attestation <type>"
	OK   bool
	Why  string // who counted, and who did not and for which reason
}
