package eventlog_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

func TestCheckpointsOpenAsTheyWereSigned(t *testing.T) {
	want := eventlog.Checkpoint{Origin: origin, Size: 20852163, Root: leafAt(1)}
	text := signed(t, want.Size, want.Root, testKey())
	got, err := eventlog.OpenCheckpoint(text, origin, verifier(t, testKey()))
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if !strings.HasPrefix(string(text), "example.org/acme\n20852163\n"+leafAt(1).String()+"\n\n— example.org/acme ") {
		t.Errorf("the text is %q", text)
	}
}

// What other programs make of our keys: the verifier key that they are given,
// read by the library they read it with.
func TestKeysAreThoseOfSignedNotes(t *testing.T) {
	public := testKey().Public().(ed25519.PublicKey)
	want, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		t.Fatal(err)
	}
	if got := eventlog.VerifierKey(origin, public); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	v, err := note.NewVerifier(want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed(t, 1, leafAt(0), testKey()), note.VerifierList(v)); err != nil {
		t.Error(err)
	}
}

func TestKeysRefuse(t *testing.T) {
	key := testKey()
	for _, bad := range []string{"", "a b", "a+b", "a\nb", "\xff"} {
		_, err := eventlog.Signer(bad, key)
		wantKind(t, err, fault.Invalid)
		_, err = eventlog.Verifier(bad, key.Public().(ed25519.PublicKey))
		wantKind(t, err, fault.Invalid)
	}
	_, err := eventlog.Signer(origin, key[:32])
	wantKind(t, err, fault.Invalid)
	_, err = eventlog.Verifier(origin, nil)
	wantKind(t, err, fault.Invalid)
}

func TestSignRefuses(t *testing.T) {
	s, err := eventlog.Signer(origin, testKey())
	if err != nil {
		t.Fatal(err)
	}
	good := eventlog.Checkpoint{Origin: origin, Size: 1, Root: leafAt(0)}
	_, err = good.Sign()
	wantKind(t, err, fault.Invalid)
	for _, c := range []eventlog.Checkpoint{
		{Size: 1, Root: leafAt(0)},
		{Origin: "two\nlines", Size: 1, Root: leafAt(0)},
		{Origin: origin + "\n1", Size: 1, Root: leafAt(0)},
		{Origin: origin, Size: eventlog.MaxSize + 1, Root: leafAt(0)},
		{Origin: origin, Size: 0, Root: leafAt(0)},
	} {
		_, err := c.Sign(s)
		wantKind(t, err, fault.Invalid)
	}
}

// noteOf signs any text, as a log that does not keep to the format could.
func noteOf(t *testing.T, text string, key ed25519.PrivateKey) []byte {
	t.Helper()
	s, err := eventlog.Signer(origin, key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestOpenCheckpointRefuses(t *testing.T) {
	key := testKey()
	root := leafAt(0).String() + "\n"
	head := origin + "\n1\n"
	good := signed(t, 1, leafAt(0), key)
	for name, c := range map[string]struct {
		signed []byte
		want   fault.Kind
	}{
		"nothing":                 {nil, fault.Invalid},
		"no signature":            {[]byte(head + root), fault.Invalid},
		"another's signature":     {noteOf(t, head+root, keyOf(2)), fault.Denied},
		"another text":            {bytes.Replace(good, []byte("\n1\n"), []byte("\n2\n"), 1), fault.Denied},
		"another origin":          {noteOf(t, "example.org/beta\n1\n"+root, key), fault.Invalid},
		"two lines":               {noteOf(t, head, key), fault.Invalid},
		"no size":                 {noteOf(t, origin+"\n\n"+root, key), fault.Invalid},
		"a size with a zero":      {noteOf(t, origin+"\n01\n"+root, key), fault.Invalid},
		"a size with a sign":      {noteOf(t, origin+"\n+1\n"+root, key), fault.Invalid},
		"a size over the limit":   {noteOf(t, fmt.Sprintf("%s\n%d\n%s", origin, uint64(eventlog.MaxSize)+1, root), key), fault.Invalid},
		"a size beyond 64 bits":   {noteOf(t, origin+"\n18446744073709551616\n"+root, key), fault.Invalid},
		"a short root":            {noteOf(t, head+"AAAA\n", key), fault.Invalid},
		"a root that is no hash":  {noteOf(t, head+strings.Repeat("!", 44)+"\n", key), fault.Invalid},
		"a root of spare bits":    {noteOf(t, head+strings.Repeat("A", 42)+"B=\n", key), fault.Invalid},
		"an empty extension":      {noteOf(t, head+root+"\n", key), fault.Invalid},
		"a wrong root of nothing": {noteOf(t, origin+"\n0\n"+root, key), fault.Invalid},
		"one too long":            {noteOf(t, head+root+strings.Repeat("a", eventlog.MaxCheckpoint)+"\n", key), fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eventlog.OpenCheckpoint(c.signed, origin, verifier(t, key))
			wantKind(t, err, c.want)
		})
	}
	_, err := eventlog.OpenCheckpoint(good, origin)
	wantKind(t, err, fault.Denied)
	if c, err := eventlog.OpenCheckpoint(noteOf(t, head+root+"more\n", key), origin, verifier(t, key)); err != nil || c.Size != 1 {
		t.Errorf("with an extension line: %+v, %v", c, err)
	}
}

func TestNoBitOfACheckpointChangesUnnoticed(t *testing.T) {
	good := signed(t, 12345, leafAt(0), testKey())
	v := verifier(t, testKey())
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if c, err := eventlog.OpenCheckpoint(bad, origin, v); err == nil {
				t.Errorf("bit %d of byte %d: %q opens as %+v", bit, i, bad, c)
			}
		}
	}
}

func TestWitnessesSignBeside(t *testing.T) {
	key, witness := testKey(), keyOf(2)
	log, err := eventlog.Signer(origin, key)
	if err != nil {
		t.Fatal(err)
	}
	w, err := eventlog.Signer("witness.example", witness)
	if err != nil {
		t.Fatal(err)
	}
	wv, err := eventlog.Verifier("witness.example", witness.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, key)
	c := eventlog.Checkpoint{Origin: origin, Size: 1, Root: leafAt(0)}
	both, err := c.Sign(log, w)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := c.Sign(w)
	if err != nil {
		t.Fatal(err)
	}
	for _, vs := range [][]note.Verifier{{v}, {v, wv}, {wv}, {wv, v}} {
		if got, err := eventlog.OpenCheckpoint(both, origin, vs...); err != nil || got != c {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if _, err := eventlog.OpenCheckpoint(alone, origin, wv, v); err != nil {
		t.Error(err)
	}
	_, err = eventlog.OpenCheckpoint(alone, origin, v, wv)
	wantKind(t, err, fault.Denied)

	forged := bytes.Clone(both)
	line := bytes.LastIndexByte(bytes.TrimSuffix(forged, []byte("\n")), ' ')
	forged[line+20] ^= 1 // in the signature, behind the key's hash
	_, err = eventlog.OpenCheckpoint(forged, origin, v, wv)
	wantKind(t, err, fault.Denied)
	if _, err := eventlog.OpenCheckpoint(forged, origin, v); err != nil {
		t.Errorf("whoever does not know the witness minds its signature: %v", err)
	}
}

// broken cannot sign.
type broken struct{ note.Signer }

func (broken) Sign([]byte) ([]byte, error) { return nil, errors.New("no key") }

func TestSignTellsWhyItCannot(t *testing.T) {
	s, err := eventlog.Signer(origin, testKey())
	if err != nil {
		t.Fatal(err)
	}
	_, err = eventlog.Checkpoint{Origin: origin, Size: 1, Root: leafAt(0)}.Sign(broken{s})
	if err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v", err)
	}
}
