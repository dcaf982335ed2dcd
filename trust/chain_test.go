package trust_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/trust"
)

// TestFirst asks who has to sign the first policy.
func TestFirst(t *testing.T) {
	c := newCast(t)
	one := c.document(t)
	two := with(one, object{"roots": quorum(2, c.root, c.root2), "keys": keys(c.root, c.root2, c.ci, c.bob, c.lead, c.mate), "epoch": 7})
	for name, try := range map[string]struct {
		doc     object
		signers []*signer
		anchors []*signer
		kind    fault.Kind // Other: accepted
	}{
		"its root":                     {one, []*signer{c.root}, nil, fault.Other},
		"its root, an anchor":          {one, []*signer{c.root}, []*signer{c.root}, fault.Other},
		"both, both anchors":           {two, []*signer{c.root2, c.root}, []*signer{c.root, c.root2}, fault.Other},
		"nobody":                       {one, nil, nil, fault.Denied},
		"one of two":                   {two, []*signer{c.root}, nil, fault.Denied},
		"a publisher":                  {one, []*signer{c.ci}, nil, fault.Denied},
		"a publisher too":              {one, []*signer{c.root, c.ci}, nil, fault.Denied},
		"a stranger too":               {one, []*signer{c.root, c.eve}, nil, fault.Denied},
		"a root, and another anchor":   {one, []*signer{c.root}, []*signer{c.eve}, fault.Denied},
		"a root, and an anchor beside": {one, []*signer{c.root}, []*signer{c.root, c.ci}, fault.Denied},
	} {
		var anchors []trust.Key
		for _, a := range try.anchors {
			anchors = append(anchors, a.public)
		}
		p, err := trust.First(sign(t, try.doc, try.signers...), anchors...)
		if fault.KindOf(err) != try.kind || (err == nil) != (try.kind == fault.Other) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && try.anchors != nil && p.Epoch() == 0 {
			t.Errorf("%s: it has no epoch", name)
		}
	}
}

// TestRootChange asks for both thresholds, that before and its own.
func TestRootChange(t *testing.T) {
	c := newCast(t)
	all := keys(c.root, c.root2, c.ci, c.bob, c.lead, c.mate, c.eve)
	roots := func(epoch, threshold int, signers ...*signer) object {
		return with(c.document(t), object{"epoch": epoch, "keys": all, "roots": quorum(threshold, signers...)})
	}
	before := c.policy(t, c.document(t))
	three, err := trust.First(sign(t, roots(1, 2, c.root, c.root2, c.eve), c.root, c.root2))
	must(t, err)
	for name, try := range map[string]struct {
		policy  *trust.Policy
		doc     object
		signers []*signer
		kind    fault.Kind
	}{
		"the same roots":             {before, roots(2, 1, c.root), []*signer{c.root}, fault.Other},
		"old and new":                {before, roots(2, 1, c.root2), []*signer{c.root, c.root2}, fault.Other},
		"only old":                   {before, roots(2, 1, c.root2), []*signer{c.root}, fault.Denied},
		"only new":                   {before, roots(2, 1, c.root2), []*signer{c.root2}, fault.Denied},
		"old and one of two new":     {before, roots(2, 2, c.root2, c.eve), []*signer{c.root, c.eve}, fault.Denied},
		"old and both new":           {before, roots(2, 2, c.root2, c.eve), []*signer{c.root, c.root2, c.eve}, fault.Other},
		"old, new and a stranger":    {before, roots(2, 1, c.root2), []*signer{c.root, c.root2, c.ci}, fault.Denied},
		"two of three, who stay":     {three, roots(2, 2, c.root, c.root2), []*signer{c.root, c.root2}, fault.Other},
		"one of three old":           {three, roots(2, 1, c.root), []*signer{c.root}, fault.Denied},
		"one old, one new of two":    {three, roots(2, 2, c.root, c.ci), []*signer{c.root, c.ci}, fault.Denied},
		"two old of which one stays": {three, roots(2, 2, c.root, c.ci), []*signer{c.root, c.root2, c.ci}, fault.Other},
		"a root who is revoked": {three, with(roots(2, 1, c.root), object{"revoked": []object{{"key": c.eve.id()}}}),
			[]*signer{c.root, c.root2}, fault.Other},
		"the epoch in force": {before, roots(1, 1, c.root), []*signer{c.root}, fault.Conflict},
		"an epoch too far":   {before, roots(3, 1, c.root), []*signer{c.root}, fault.Conflict},
	} {
		p, err := try.policy.Next(sign(t, try.doc, try.signers...))
		if fault.KindOf(err) != try.kind || (err == nil) != (try.kind == fault.Other) {
			t.Errorf("%s: %v", name, err)
		}
		if (p == nil) != (err != nil) {
			t.Errorf("%s: a policy of epoch %d and the error %v", name, p.Epoch(), err)
		}
	}
}

// TestEpochNeverGoesBack offers envelopes in any order: the epoch rises by one
// with each that is accepted, and stays with every other.
func TestEpochNeverGoesBack(t *testing.T) {
	c := newCast(t)
	var offers [][]byte
	for epoch := 1; epoch <= 6; epoch++ {
		offers = append(offers,
			sign(t, with(c.document(t), object{"epoch": epoch}), c.root),
			sign(t, c.team(epoch, c.eves("acme/team")), c.lead),
			sign(t, with(c.document(t), object{"epoch": epoch}), c.ci))
	}
	rapid.Check(t, func(t *rapid.T) {
		p, err := trust.First(offers[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(offers)-1), 1, 30).Draw(t, "offers") {
			epoch, offered := p.Epoch(), uint64(i/3+1)
			q, err := p.Next(offers[i])
			if good := offered == epoch+1 && i%3 != 2; good != (err == nil) {
				t.Fatalf("of epoch %d, in epoch %d: %v", offered, epoch, err)
			}
			if p.Epoch() != epoch {
				t.Fatalf("Next changed the epoch of what it follows from %d to %d", epoch, p.Epoch())
			}
			if err == nil {
				p = q
			}
			if p.Epoch() < epoch || p.Epoch() > epoch+1 {
				t.Fatalf("the epoch went from %d to %d", epoch, p.Epoch())
			}
		}
	})
}

// TestEveryByte changes each byte of an envelope, in several ways, takes it out
// and puts one more in.
func TestEveryByte(t *testing.T) {
	c := newCast(t)
	doc := with(c.document(t), object{"roots": quorum(1, c.root, c.root2), "keys": keys(c.root, c.root2, c.ci, c.bob, c.lead, c.mate)})
	// One signature is enough; both have to be true all the same.
	signed := sign(t, doc, c.root, c.root2)
	_, err := trust.First(signed)
	must(t, err)
	for i := range signed {
		for _, other := range []byte{signed[i] ^ 1, signed[i] ^ 0x20, signed[i] ^ 0x80, ' '} {
			bad := bytes.Clone(signed)
			if bad[i] = other; bytes.Equal(bad, signed) {
				continue
			}
			if _, err := trust.First(bad); err == nil {
				t.Fatalf("byte %d changed from %q to %q", i, signed[i], other)
			}
		}
		if _, err := trust.First(slices.Delete(bytes.Clone(signed), i, i+1)); err == nil {
			t.Fatalf("byte %d (%q) taken out", i, signed[i])
		}
		if _, err := trust.First(slices.Insert(bytes.Clone(signed), i, ' ')); err == nil {
			t.Fatalf("a space put in at %d", i)
		}
		if _, err := trust.First(signed[:i]); err == nil {
			t.Fatalf("cut off at %d", i)
		}
	}
	if _, err := trust.First(append(bytes.Clone(signed), '\n')); err == nil {
		t.Error("a line break at the end")
	}
}

// wire is an envelope as a test takes it apart.
type wire struct {
	Payload     string              `json:"payload"`
	PayloadType string              `json:"payloadType"`
	Signatures  []map[string]string `json:"signatures"`
}

// TestForgedEnvelopes are well formed, and wrong.
func TestForgedEnvelopes(t *testing.T) {
	c := newCast(t)
	doc := with(c.document(t), object{"roots": quorum(1, c.root, c.root2), "keys": keys(c.root, c.root2, c.ci, c.bob, c.lead, c.mate)})
	signed := sign(t, doc, c.root, c.root2)
	other := sign(t, with(doc, object{"expires": "2028-01-01T00:00:00Z"}), c.root, c.root2)
	take := func(data []byte) (w wire) {
		must(t, json.Unmarshal(data, &w))
		return w
	}
	// An unknown type is not signed over by its own message either.
	spaced := func(payload []byte) string {
		return base64.StdEncoding.EncodeToString(append([]byte(" "), payload...))
	}
	payload, err := base64.StdEncoding.DecodeString(take(signed).Payload)
	must(t, err)
	for name, try := range map[string]struct {
		forge func(w *wire)
		kind  fault.Kind
	}{
		"another payload":       {func(w *wire) { w.Payload = take(other).Payload }, fault.Corrupt},
		"another's signature":   {func(w *wire) { w.Signatures[0]["sig"] = take(other).Signatures[0]["sig"] }, fault.Corrupt},
		"signatures swapped":    {func(w *wire) { s := w.Signatures; s[0]["sig"], s[1]["sig"] = s[1]["sig"], s[0]["sig"] }, fault.Corrupt},
		"an empty signature":    {func(w *wire) { w.Signatures[1]["sig"] = "" }, fault.Corrupt},
		"in another order":      {func(w *wire) { slices.Reverse(w.Signatures) }, fault.Invalid},
		"a signature twice":     {func(w *wire) { w.Signatures = append(w.Signatures, w.Signatures[1]) }, fault.Invalid},
		"no signatures":         {func(w *wire) { w.Signatures = nil }, fault.Invalid},
		"an empty list":         {func(w *wire) { w.Signatures = w.Signatures[:0] }, fault.Denied},
		"another key's id":      {func(w *wire) { w.Signatures[1]["keyid"] = strings.Repeat("f", 64) }, fault.Denied},
		"an id in capitals":     {func(w *wire) { w.Signatures[0]["keyid"] = strings.ToUpper(w.Signatures[0]["keyid"]) }, fault.Invalid},
		"no id":                 {func(w *wire) { w.Signatures[0]["keyid"] = "" }, fault.Invalid},
		"another type":          {func(w *wire) { w.PayloadType = "application/vnd.in-toto+json" }, fault.Invalid},
		"a payload in a layout": {func(w *wire) { w.Payload = spaced(payload) }, fault.Invalid},
		"no payload":            {func(w *wire) { w.Payload = "" }, fault.Invalid},
		"one signature less":    {func(w *wire) { w.Signatures = w.Signatures[:1] }, fault.Other}, // one is enough
	} {
		w := take(signed)
		try.forge(&w)
		_, err := trust.First(encode(t, w))
		if fault.KindOf(err) != try.kind || (err == nil) != (try.kind == fault.Other) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAddSignature signs one after the other, in both orders.
func TestAddSignature(t *testing.T) {
	c := newCast(t)
	doc := with(c.document(t), object{"roots": quorum(2, c.root, c.root2), "keys": keys(c.root, c.root2, c.ci, c.bob, c.lead, c.mate)})
	whole := sign(t, doc, c.root, c.root2)
	for _, order := range [][]*signer{{c.root, c.root2}, {c.root2, c.root}} {
		signed := sign(t, doc)
		for i, s := range order {
			_, err := trust.First(signed)
			wantKind(t, err, fault.Denied)
			signed, err = trust.AddSignature(signed, s)
			must(t, err)
			_, err = trust.AddSignature(signed, order[i])
			wantKind(t, err, fault.Conflict)
		}
		if !bytes.Equal(signed, whole) {
			t.Errorf("signed one by one it is\n%s, at once\n%s", signed, whole)
		}
	}
	_, err := trust.AddSignature(append(whole, '\n'), c.ci)
	wantKind(t, err, fault.Invalid)
	_, err = trust.AddSignature(sign(t, doc), liar{c.root})
	wantKind(t, err, fault.Denied)
	_, err = trust.Sign(encode(t, doc), c.root, c.root)
	wantKind(t, err, fault.Conflict)
}

// liar signs something else than it is given.
type liar struct{ *signer }

func (l liar) Sign([]byte) ([]byte, error) { return l.signer.Sign([]byte("something else")) }
