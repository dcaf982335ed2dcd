package eventlog_test

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/dagcbor"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

var (
	manifest = &dag.CID{Codec: dag.Cbor, Digest: dag.Sum([]byte("manifest"))}
	subject  = bytes.Repeat([]byte{7}, 32)
	keyID    = strings.Repeat("0a", 32)
	oldKeyID = strings.Repeat("0b", 32)
	pem      = "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n"
)

// least is the payload of each kind with nothing but what it must have.
func least() map[eventlog.Kind]eventlog.Payload {
	return map[eventlog.Kind]eventlog.Payload{
		eventlog.ArtifactPublished: {Repository: "acme/report", Manifest: manifest},
		eventlog.ArtifactRemoved:   {Repository: "acme/report", Manifest: manifest},
		eventlog.TagSet:            {Repository: "acme/report", Tag: "v1", Manifest: manifest},
		eventlog.TagRemoved:        {Repository: "acme/report", Tag: "v1"},
		eventlog.SignatureAttached: {Repository: "acme/report", Manifest: manifest, Subject: subject},
		eventlog.KeyAdded:          {Name: "ci", Key: keyID, PEM: pem},
		eventlog.KeyRotated:        {Name: "ci", Key: keyID, PEM: pem, Replaces: oldKeyID},
		eventlog.KeyRevoked:        {Key: keyID},
		eventlog.NamespaceClaimed:  {Namespace: "acme", Origin: "example.org/acme"},
		eventlog.PolicySet:         {Policy: []byte(`{"payload":""}`), Epoch: 1},
	}
}

// optional names the fields that a kind may have beside.
var optional = map[eventlog.Kind][]string{
	eventlog.ArtifactPublished: {"Tag", "Subject", "ArtifactType"},
	eventlog.SignatureAttached: {"Tag", "ArtifactType"},
	eventlog.KeyRotated:        {"Reason"},
	eventlog.KeyRevoked:        {"Reason", "From"},
}

// full is a payload with every field, each well formed.
var full = eventlog.Payload{
	Repository: "acme/report", Tag: "v1", Manifest: manifest, Subject: subject, ArtifactType: "application/json",
	Name: "ci", Key: keyID, PEM: pem, Replaces: oldKeyID, Reason: "lost", From: map[string]uint64{"acme": 3},
	Namespace: "acme", Origin: "example.org/acme", Policy: []byte{1}, Epoch: 1,
}

func newEntry(kind eventlog.Kind, p eventlog.Payload) (eventlog.Entry, error) {
	return eventlog.NewEntry(kind, 1_700_000_000_000, [32]byte{1, 2, 3}, p)
}

// forge makes an entry of any header and payload, whose commitment is true.
func forge(t *testing.T, h eventlog.Header, payload any) eventlog.Entry {
	t.Helper()
	e := forgeRaw(h, marshal(t, payload))
	if e.Leaf == nil {
		t.Fatalf("there is no header %+v", h)
	}
	return e
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := dagcbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEachKindHasItsFieldsAndNoOthers(t *testing.T) {
	for kind, p := range least() {
		fields := reflect.ValueOf(&p).Elem()
		for i := range fields.NumField() {
			name := fields.Type().Field(i).Name
			must := !fields.Field(i).IsZero()
			may := slices.Contains(optional[kind], name)
			changed := p
			at := reflect.ValueOf(&changed).Elem().Field(i)
			if must {
				at.SetZero()
			} else {
				at.Set(reflect.ValueOf(full).Field(i))
			}
			_, err := newEntry(kind, changed)
			if may && err != nil || !may && !fault.Is(err, fault.Invalid) {
				t.Errorf("%s with %s changed: %v", kind, name, err)
			}
			if err == nil {
				continue
			}
			// Whoever does not make entries as we do is refused as we are.
			h := eventlog.Header{Version: 1, Kind: kind, Time: 1}
			_, err = forge(t, h, changed).Open()
			wantKind(t, err, fault.Invalid)
		}
	}
}

func TestEntriesSayWhatTheyWereMadeOf(t *testing.T) {
	for kind, p := range least() {
		e, err := newEntry(kind, p)
		if err != nil {
			t.Fatal(err)
		}
		ev, err := e.Open()
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if ev.Kind != kind || ev.Version != 1 || ev.Time != 1_700_000_000_000 || ev.Erased || !reflect.DeepEqual(ev.Payload, p) {
			t.Errorf("%s: got %+v", kind, ev)
		}
		if want := sha256.Sum256(append(bytes.Clone(e.Salt), e.Payload...)); !bytes.Equal(ev.Commit, want[:]) {
			t.Errorf("%s: the commitment is %x", kind, ev.Commit)
		}
		if e.Hash() != tlog.RecordHash(e.Leaf) {
			t.Errorf("%s: the hash is not that of RFC 6962", kind)
		}
		data, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := eventlog.UnmarshalEntry(data); err != nil || !reflect.DeepEqual(back, e) {
			t.Errorf("%s: got %+v, %v", kind, back, err)
		}
	}
}

func TestAnErasedEntryKeepsItsPlace(t *testing.T) {
	e, err := newEntry(eventlog.TagSet, least()[eventlog.TagSet])
	if err != nil {
		t.Fatal(err)
	}
	erased := eventlog.Entry{Leaf: e.Leaf}
	data, err := erased.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := eventlog.UnmarshalEntry(data)
	if err != nil || back.Salt != nil || back.Payload != nil {
		t.Fatalf("got %+v, %v", back, err)
	}
	ev, err := back.Open()
	if err != nil || !ev.Erased || ev.Kind != eventlog.TagSet || !reflect.DeepEqual(ev.Payload, eventlog.Payload{}) {
		t.Errorf("got %+v, %v", ev, err)
	}
	if back.Hash() != e.Hash() {
		t.Error("its hash is another")
	}
	if bytes.Contains(data, []byte("acme")) {
		t.Error("the leaf still tells the name")
	}
}

func TestNewEntryRefuses(t *testing.T) {
	with := func(kind eventlog.Kind, change func(p *eventlog.Payload)) eventlog.Payload {
		p := least()[kind]
		change(&p)
		return p
	}
	raw := dag.NewBlock(dag.Raw, nil).CID
	for name, c := range map[string]struct {
		kind    eventlog.Kind
		payload eventlog.Payload
		want    fault.Kind
	}{
		"an unknown kind":            {"artifact.lost", least()[eventlog.TagSet], fault.Invalid},
		"no kind":                    {"", eventlog.Payload{}, fault.Invalid},
		"a repository that is none":  {eventlog.TagSet, with(eventlog.TagSet, func(p *eventlog.Payload) { p.Repository = "acme" }), fault.Invalid},
		"a tag that is none":         {eventlog.TagSet, with(eventlog.TagSet, func(p *eventlog.Payload) { p.Tag = "-v" }), fault.Invalid},
		"a raw manifest":             {eventlog.TagSet, with(eventlog.TagSet, func(p *eventlog.Payload) { p.Manifest = &raw }), fault.Invalid},
		"the zero CID":               {eventlog.TagSet, with(eventlog.TagSet, func(p *eventlog.Payload) { p.Manifest = &dag.CID{} }), fault.Invalid},
		"a short subject":            {eventlog.SignatureAttached, with(eventlog.SignatureAttached, func(p *eventlog.Payload) { p.Subject = subject[:31] }), fault.Invalid},
		"an empty subject":           {eventlog.SignatureAttached, with(eventlog.SignatureAttached, func(p *eventlog.Payload) { p.Subject = []byte{} }), fault.Invalid},
		"a type of two lines":        {eventlog.ArtifactPublished, with(eventlog.ArtifactPublished, func(p *eventlog.Payload) { p.ArtifactType = "a/b\nc" }), fault.Invalid},
		"a long type":                {eventlog.ArtifactPublished, with(eventlog.ArtifactPublished, func(p *eventlog.Payload) { p.ArtifactType = strings.Repeat("a", 256) }), fault.TooLarge},
		"a key id in upper case":     {eventlog.KeyRevoked, with(eventlog.KeyRevoked, func(p *eventlog.Payload) { p.Key = strings.ToUpper(keyID) }), fault.Invalid},
		"a short key id":             {eventlog.KeyRevoked, with(eventlog.KeyRevoked, func(p *eventlog.Payload) { p.Key = keyID[2:] }), fault.Invalid},
		"a key that replaces itself": {eventlog.KeyRotated, with(eventlog.KeyRotated, func(p *eventlog.Payload) { p.Replaces = keyID }), fault.Invalid},
		"an old key that is none":    {eventlog.KeyRotated, with(eventlog.KeyRotated, func(p *eventlog.Payload) { p.Replaces = "old" }), fault.Invalid},
		"a name with an escape":      {eventlog.KeyAdded, with(eventlog.KeyAdded, func(p *eventlog.Payload) { p.Name = "\x1b[2J" }), fault.Invalid},
		"a long key":                 {eventlog.KeyAdded, with(eventlog.KeyAdded, func(p *eventlog.Payload) { p.PEM = strings.Repeat("a", 4097) }), fault.TooLarge},
		"a long reason":              {eventlog.KeyRevoked, with(eventlog.KeyRevoked, func(p *eventlog.Payload) { p.Reason = strings.Repeat("a", 4097) }), fault.TooLarge},
		"a revocation in no log":     {eventlog.KeyRevoked, with(eventlog.KeyRevoked, func(p *eventlog.Payload) { p.From = map[string]uint64{"a/b": 1} }), fault.Invalid},
		"a namespace with a slash":   {eventlog.NamespaceClaimed, eventlog.Payload{Namespace: "a/b", Origin: "example.org/a/b"}, fault.Invalid},
		"the node as a namespace":    {eventlog.NamespaceClaimed, eventlog.Payload{Namespace: "_node", Origin: "example.org/_node"}, fault.Invalid},
		"another's origin":           {eventlog.NamespaceClaimed, eventlog.Payload{Namespace: "acme", Origin: "example.org/beta"}, fault.Invalid},
		"an origin of no site":       {eventlog.NamespaceClaimed, eventlog.Payload{Namespace: "acme", Origin: "Example Org/acme"}, fault.Invalid},
		"an epoch beyond 63 bits":    {eventlog.PolicySet, eventlog.Payload{Policy: []byte{1}, Epoch: 1 << 63}, fault.Invalid},
		"an empty policy":            {eventlog.PolicySet, eventlog.Payload{Policy: []byte{}, Epoch: 1}, fault.Invalid},
		"a long policy":              {eventlog.PolicySet, eventlog.Payload{Policy: make([]byte, eventlog.MaxPayload), Epoch: 1}, fault.TooLarge},
		"text in NFD":                {eventlog.KeyRevoked, with(eventlog.KeyRevoked, func(p *eventlog.Payload) { p.Reason = "e\u0301" }), fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := newEntry(c.kind, c.payload)
			wantKind(t, err, c.want)
			if e.Leaf != nil || e.Salt != nil || e.Payload != nil {
				t.Errorf("and made %+v", e)
			}
		})
	}
	_, err := eventlog.NewEntry(eventlog.TagSet, -1, [32]byte{}, least()[eventlog.TagSet])
	wantKind(t, err, fault.Invalid)
}

func TestOpenRefuses(t *testing.T) {
	payload := least()[eventlog.TagSet]
	good := eventlog.Header{Version: 1, Kind: eventlog.TagSet, Time: 1}
	whole := forge(t, good, payload)
	if _, err := whole.Open(); err != nil {
		t.Fatal(err)
	}
	other := forge(t, good, least()[eventlog.TagRemoved])
	for name, c := range map[string]struct {
		entry eventlog.Entry
		want  fault.Kind
	}{
		"no leaf":                     {eventlog.Entry{}, fault.Invalid},
		"a later version":             {forge(t, eventlog.Header{Version: 2, Kind: eventlog.TagSet, Time: 1}, payload), fault.Invalid},
		"version 0":                   {forge(t, eventlog.Header{Kind: eventlog.TagSet, Time: 1}, payload), fault.Invalid},
		"an unknown kind":             {forge(t, eventlog.Header{Version: 1, Kind: "tag.moved"}, payload), fault.Invalid},
		"an unknown kind, erased":     {eventlog.Entry{Leaf: forge(t, eventlog.Header{Version: 1, Kind: "tag.moved"}, payload).Leaf}, fault.Invalid},
		"a time before 1970":          {forge(t, eventlog.Header{Version: 1, Kind: eventlog.TagSet, Time: -1}, payload), fault.Invalid},
		"a short commitment":          {forge(t, eventlog.Header{Version: 1, Kind: eventlog.TagSet, Commit: make([]byte, 31)}, payload), fault.Invalid},
		"another commitment":          {forge(t, eventlog.Header{Version: 1, Kind: eventlog.TagSet, Commit: make([]byte, 32)}, payload), fault.Corrupt},
		"another payload":             {eventlog.Entry{Leaf: whole.Leaf, Salt: whole.Salt, Payload: other.Payload}, fault.Corrupt},
		"another salt":                {eventlog.Entry{Leaf: whole.Leaf, Salt: bytes.Repeat([]byte{1}, 32), Payload: whole.Payload}, fault.Corrupt},
		"a salt alone":                {eventlog.Entry{Leaf: whole.Leaf, Salt: whole.Salt}, fault.Invalid},
		"a payload alone":             {eventlog.Entry{Leaf: whole.Leaf, Payload: whole.Payload}, fault.Invalid},
		"a short salt":                {eventlog.Entry{Leaf: whole.Leaf, Salt: whole.Salt[1:], Payload: whole.Payload}, fault.Invalid},
		"the payload of another kind": {other, fault.Invalid},
		"an unknown field":            {forge(t, good, map[string]any{"repository": "acme/report", "tag": "v1", "color": "red"}), fault.Invalid},
		"an empty field":              {forge(t, good, map[string]any{"repository": "acme/report", "tag": "v1", "manifest": manifest, "name": ""}), fault.Invalid},
		"a leaf over the limit":       {eventlog.Entry{Leaf: make([]byte, eventlog.MaxLeaf+1)}, fault.TooLarge},
		"a payload over the limit":    {eventlog.Entry{Leaf: whole.Leaf, Salt: whole.Salt, Payload: make([]byte, eventlog.MaxPayload+1)}, fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.entry.Open()
			wantKind(t, err, c.want)
		})
	}
}

// Each byte of a leaf is in its hash, and each of a payload and its salt in the
// leaf: of a whole entry, none can change unnoticed.
func TestNoByteOfAnEntryChangesUnnoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := least()[eventlog.TagSet]
		e, err := newEntry(eventlog.TagSet, p)
		if err != nil {
			t.Fatal(err)
		}
		data, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		back, err := eventlog.UnmarshalEntry(data)
		if err != nil {
			return
		}
		if _, err := back.Open(); err == nil && back.Hash() == e.Hash() {
			t.Fatalf("%x opens", data)
		}
	})
}

func TestOrigins(t *testing.T) {
	public := testKey().Public().(keyBytes)
	sum := sha256.Sum256(public)
	if got, want := eventlog.NodeOrigin("example.org", public), "example.org/_node/"+hexOf(sum[:8]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := eventlog.DefaultSite(public), "site-"+hexOf(sum[:6]); got != want || eventlog.ValidateSite(got) != nil {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := eventlog.NamespaceOrigin("example.org", "acme"); got != "example.org/acme" {
		t.Errorf("got %s", got)
	}
	for namespace, want := range map[string]bool{
		"acme": true, "a.b_c-d": true, "": false, "_node": false, "a/b": false, "Acme": false, strings.Repeat("a", 256): false,
	} {
		if err := eventlog.ValidateNamespace(namespace); (err == nil) != want || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", namespace, err)
		}
	}
	for site, want := range map[string]bool{
		"example.org": true, "a": true, "a-b.c1": true, strings.Repeat("a", 63) + ".org": true,
		"": false, "Example.org": false, "example.org/": false, "example..org": false, ".org": false, "org.": false,
		"-a": false, "a-": false, "a b": false, "a+b": false, "a_b": false, "münchen.de": false, "example.org:80": false,
		strings.Repeat("a", 64) + ".org": false, strings.Repeat("a.", 127) + "org": false,
	} {
		if err := eventlog.ValidateSite(site); (err == nil) != want || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", site, err)
		}
	}
}
