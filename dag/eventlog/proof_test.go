package eventlog_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// proofOf proves that leaf index is in a log of size leaves.
func proofOf(t *testing.T, size, index uint64, extra []byte) eventlog.Proof {
	t.Helper()
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range size {
		tree.Append(leafAt(i))
	}
	tiles := memory{}
	tiles.put(tree)
	hashes, err := eventlog.ProveInclusion(t.Context(), tiles, size, tree.Root(), index)
	if err != nil {
		t.Fatal(err)
	}
	return eventlog.Proof{Index: index, Hashes: hashes, Checkpoint: signed(t, size, tree.Root(), testKey()), Extra: extra}
}

func TestProofsTravel(t *testing.T) {
	for _, p := range []eventlog.Proof{
		proofOf(t, 1, 0, nil), proofOf(t, 300, 299, nil), proofOf(t, 300, 7, []byte("extra")), proofOf(t, 1000, 511, make([]byte, eventlog.MaxExtra)),
	} {
		text, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := eventlog.ParseProof(text)
		if err != nil || !reflect.DeepEqual(back, p) {
			t.Fatalf("got %+v, %v", back, err)
		}
		c, err := back.Verify(leafAt(p.Index), origin, verifier(t, testKey()))
		if err != nil || c.Origin != origin || c.Size <= p.Index {
			t.Errorf("got %+v, %v", c, err)
		}
		_, err = back.Verify(leafAt(p.Index+1), origin, verifier(t, testKey()))
		wantKind(t, err, fault.Corrupt)
		_, err = back.Verify(leafAt(p.Index), origin, verifier(t, keyOf(2)))
		wantKind(t, err, fault.Denied)
		_, err = back.Verify(leafAt(p.Index), "example.org/beta", verifier(t, testKey()))
		wantKind(t, err, fault.Invalid)
	}
}

// But for the extra data, which nothing vouches for, no byte of a proof can
// change.
func TestNoByteOfAProofChangesUnnoticed(t *testing.T) {
	text, err := proofOf(t, 300, 7, nil).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, testKey())
	rapid.Check(t, func(t *rapid.T) {
		bad := bytes.Clone(text)
		bad[rapid.IntRange(0, len(bad)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		if p, err := eventlog.ParseProof(bad); err == nil {
			if _, err := p.Verify(leafAt(7), origin, v); err == nil {
				t.Fatalf("%q verifies", bad)
			}
		}
	})
}

func TestParseProofRefuses(t *testing.T) {
	text, err := proofOf(t, 3, 1, nil).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	const head = "c2sp.org/tlog-proof@v1\n"
	change := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("there is no %q in %q", from, good)
		}
		return strings.Replace(good, from, to, 1)
	}
	for name, c := range map[string]struct {
		text string
		want fault.Kind
	}{
		"nothing":                 {"", fault.Invalid},
		"another version":         {change("@v1", "@v2"), fault.Invalid},
		"no index":                {change("index 1\n", ""), fault.Invalid},
		"an index with a zero":    {change("index 1", "index 01"), fault.Invalid},
		"an index with a sign":    {change("index 1", "index +1"), fault.Invalid},
		"an index beyond 64 bits": {change("index 1", "index 18446744073709551616"), fault.Invalid},
		"empty extra data":        {change(head, head+"extra \n"), fault.Invalid},
		"extra data that are not": {change(head, head+"extra ???\n"), fault.Invalid},
		"extra data of two lines": {change(head, head+"extra AA\r==\n"), fault.Invalid},
		"extra data twice":        {change(head, head+"extra AA==\nextra AA==\n"), fault.Invalid},
		"extra data alone":        {head + "extra AA==\n\n" + origin, fault.Invalid},
		"a hash that is none":     {change("index 1\n", "index 1\nAAAA\n"), fault.Invalid},
		"no checkpoint":           {good[:strings.Index(good, "\n\n")+2], fault.Invalid},
		"no empty line":           {good[:strings.Index(good, "\n\n")+1], fault.Invalid},
		"too many hashes":         {change("index 1\n", "index 1\n"+strings.Repeat(leafAt(0).String()+"\n", 65)), fault.TooLarge},
		"too long a checkpoint":   {good + strings.Repeat("a", eventlog.MaxCheckpoint), fault.TooLarge},
		"too long a text":         {good + strings.Repeat("a", 1<<20), fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eventlog.ParseProof([]byte(c.text))
			wantKind(t, err, c.want)
		})
	}
}

func TestMarshalProofRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		proof eventlog.Proof
		want  fault.Kind
	}{
		"no checkpoint":         {eventlog.Proof{}, fault.Invalid},
		"too long a checkpoint": {eventlog.Proof{Checkpoint: make([]byte, eventlog.MaxCheckpoint+1)}, fault.TooLarge},
		"too much extra":        {eventlog.Proof{Checkpoint: []byte("a"), Extra: make([]byte, eventlog.MaxExtra+1)}, fault.TooLarge},
		"too many hashes":       {eventlog.Proof{Checkpoint: []byte("a"), Hashes: make([]eventlog.Hash, 65)}, fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.proof.Marshal()
			wantKind(t, err, c.want)
		})
	}
}
