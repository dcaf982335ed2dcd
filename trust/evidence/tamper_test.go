package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// opened returns the members of a package.
func opened(t testing.TB, file []byte) []entry {
	t.Helper()
	entries, err := readTar(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// small publishes a little artifact that is signed, and returns its package.
func (w *world) small(o *operator) (Request, []byte) {
	w.t.Helper()
	b := w.artifact(dag.Manifest{ArtifactType: "application/vnd.example.note"}, w.file("note", []byte("hello\n")))
	req := Request{Manifest: b.CID, Reference: dag.Reference{Repository: repository, Tag: "v1"}}
	w.publish("acme/other", b)
	req.Publication = w.publish(repository, b)
	req.Tag = w.tag(repository, "v1", b)
	req.Referrers = []uint64{w.sign(o, repository, "v1", b)}
	return req, w.export(req)
}

// guarded is a node with a key, a revocation and a small package.
func guarded(t testing.TB) (*world, []byte) {
	w := newWorld(t)
	alice := newOperator(t, "alice")
	w.addKey(alice)
	w.log("", eventlog.KeyRevoked, eventlog.Payload{Key: string(newOperator(t, "mallory").public.ID), Reason: "lost"})
	_, file := w.small(alice)
	return w, file
}

// Every byte of every member is covered, and what was changed is named.
func TestFlipMembers(t *testing.T) {
	t.Parallel()
	w, file := guarded(t)
	members := opened(t, file)
	step := 1
	if testing.Short() {
		step = 7
		t.Logf("only one byte in %d is flipped: -short", step)
	}
	for i, m := range members {
		for at := i % step; at < len(m.data); at += step {
			changed := slices.Clone(members)
			changed[i].data = bytes.Clone(m.data)
			changed[i].data[at] ^= 1 << (at % 8)
			refusedFor(t, w, writeTar(t, changed...), m.name, fmt.Sprintf("byte %d flipped", at), w.root())
		}
	}
}

// Nor can a bit of the file itself be flipped, of a header, padding or the end:
// a sample of what the tests of the tar look at byte for byte.
func TestFlipFile(t *testing.T) {
	w, file := guarded(t)
	for at := 0; at < len(file); at += 13 {
		file[at] ^= 1 << (at % 8)
		if _, err := verify(t, file, w, w.root()); err == nil {
			t.Errorf("byte %d is not covered", at)
		}
		file[at] ^= 1 << (at % 8)
	}
	for n := 0; n < len(file); n += 97 {
		if _, err := verify(t, file[:n], w, w.root()); !fault.Is(err, fault.Corrupt) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// A member less, once more, cut, longer, or under another name is noticed.
func TestMembers(t *testing.T) {
	w, file := guarded(t)
	members := opened(t, file)
	for i, m := range members {
		with := func(e ...entry) []byte {
			changed := append(slices.Delete(slices.Clone(members), i, i+1), e...)
			slices.SortFunc(changed, func(a, b entry) int { return strings.Compare(a.name, b.name) })
			return writeTar(t, changed...)
		}
		refusedFor(t, w, with(), strings.TrimSuffix(m.name, nameLayout), "left out", w.root())
		refusedFor(t, w, with(m, entry{m.name + "x", m.data}), m.name+"x", "there twice", w.root())
		refusedFor(t, w, with(entry{m.name, append(bytes.Clone(m.data), '\n')}), m.name, "longer", w.root())
		if len(m.data) > 0 {
			refusedFor(t, w, with(entry{m.name, m.data[:len(m.data)-1]}), m.name, "shorter", w.root())
			refusedFor(t, w, with(entry{m.name, nil}), m.name, "empty", w.root())
		}
		for _, other := range members {
			if !bytes.Equal(other.data, m.data) {
				refusedFor(t, w, with(entry{m.name, other.data}), m.name, "replaced by "+other.name, w.root())
			}
		}
	}
	for _, name := range []string{"a", "blobs/sha256/x", "blobs/sha512/" + strings.Repeat("0", 128)[:64], "log/node/9.proof", "log/namespace/007.entry", "policy/1.json", "z"} {
		changed := append(slices.Clone(members), entry{name, []byte("{}")})
		slices.SortFunc(changed, func(a, b entry) int { return strings.Compare(a.name, b.name) })
		refusedFor(t, w, writeTar(t, changed...), name, "added", w.root())
	}
}

// forged returns a package of members whose evidence.json was made to agree
// with them, as someone who knows the format would.
func forged(t testing.TB, members []entry, change func(map[string][]byte)) []byte {
	t.Helper()
	all := map[string][]byte{}
	for _, m := range members {
		all[m.name] = m.data
	}
	change(all)
	var x index
	if err := json.Unmarshal(all[nameEvidence], &x); err != nil {
		t.Fatal(err)
	}
	x.Members = nil
	var sorted []entry
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name != nameEvidence && !strings.HasPrefix(name, dirBlobs) {
			sum := sha256.Sum256(all[name])
			x.Members = append(x.Members, indexMember{name, len(all[name]), hex.EncodeToString(sum[:])})
		}
	}
	data, err := encodeJSON(x, "  ")
	if err != nil {
		t.Fatal(err)
	}
	all[nameEvidence] = append(data, '\n')
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, entry{name, all[name]})
	}
	return writeTar(t, sorted...)
}

// What was not changed is not refused: the forger's tool itself changes nothing.
func TestForgeNothing(t *testing.T) {
	w, file := guarded(t)
	again := forged(t, opened(t, file), func(map[string][]byte) {})
	if _, err := verify(t, again, w, w.root()); err != nil || !bytes.Equal(again, file) {
		t.Error(err)
	}
}

// Someone who writes evidence.json anew is no further.
func TestForgeries(t *testing.T) {
	w := newWorld(t)
	alice := newOperator(t, "alice")
	w.addKey(alice)
	revoked := w.log("", eventlog.KeyRevoked, eventlog.Payload{Key: string(newOperator(t, "mallory").public.ID)})
	req, _ := w.small(alice)
	other := w.artifact(dag.Manifest{ArtifactType: "application/vnd.example.other"}, w.file("other", []byte("other\n")))
	published := w.publish(repository, other)
	tagged := w.tag(repository, "v1", other)
	otherReq := Request{Manifest: other.CID, Reference: dag.Reference{Repository: repository, Tag: "v1"}, Publication: published, Tag: tagged}
	members, theirs := opened(t, w.export(req)), map[string][]byte{}
	for _, m := range opened(t, w.export(otherReq)) {
		theirs[m.name] = m.data
	}
	move := func(all map[string][]byte, from, to uint64) {
		for _, suffix := range []string{suffixEntry, suffixProof} {
			delete(all, numbered(dirNamespace, from, suffix))
			all[numbered(dirNamespace, to, suffix)] = theirs[numbered(dirNamespace, to, suffix)]
		}
	}
	for _, tt := range []struct {
		what, member string
		change       func(all map[string][]byte)
	}{
		{"another artifact's publication", nameManifest, func(all map[string][]byte) { move(all, req.Publication, published) }},
		{"another artifact's tag", numbered(dirNamespace, tagged, suffixEntry), func(all map[string][]byte) { move(all, req.Tag, tagged) }},
		{"another artifact's manifest", nameManifest, func(all map[string][]byte) { all[nameManifest] = other.Data }},
		{"another artifact's proof", numbered(dirNamespace, req.Publication, suffixProof), func(all map[string][]byte) {
			all[numbered(dirNamespace, req.Publication, suffixProof)] = theirs[numbered(dirNamespace, published, suffixProof)]
		}},
		{"an entry at another index", numbered(dirNamespace, published, suffixProof), func(all map[string][]byte) {
			for _, suffix := range []string{suffixEntry, suffixProof} {
				all[numbered(dirNamespace, published, suffix)] = all[numbered(dirNamespace, req.Publication, suffix)]
				delete(all, numbered(dirNamespace, req.Publication, suffix))
			}
		}},
		{"a revocation left out", dirNode + nameLeaves, func(all map[string][]byte) {
			delete(all, numbered(dirNode, revoked, suffixEntry))
			var kept []byte
			rest := leaves(all[dirNode+nameLeaves])
			for i := uint64(0); len(rest) > 0; i++ {
				var leaf []byte
				if leaf, rest, _ = rest.next(); i != revoked {
					kept, _ = eventlog.AppendBundle(kept, leaf)
				}
			}
			all[dirNode+nameLeaves] = kept
		}},
		{"the entry of a revocation left out", numbered(dirNode, revoked, suffixEntry), func(all map[string][]byte) {
			delete(all, numbered(dirNode, revoked, suffixEntry))
		}},
		{"an erased revocation", numbered(dirNode, revoked, suffixEntry), func(all map[string][]byte) {
			e, err := eventlog.UnmarshalEntry(all[numbered(dirNode, revoked, suffixEntry)])
			w.must(err)
			all[numbered(dirNode, revoked, suffixEntry)], err = eventlog.Entry{Leaf: e.Leaf}.Marshal()
			w.must(err)
		}},
		{"the node's checkpoint for the namespace's", dirNamespace + nameCheckpoint, func(all map[string][]byte) {
			all[dirNamespace+nameCheckpoint] = all[dirNode+nameCheckpoint]
		}},
		{"the namespace of another site", dirNamespace + nameCheckpoint, func(all map[string][]byte) {
			foreign := eventlog.NamespaceOrigin("example.com", "acme")
			s, err := eventlog.Signer(foreign, w.key)
			w.must(err)
			c := eventlog.Checkpoint{Origin: foreign, Size: w.logs["acme"].tree.Size(), Root: w.logs["acme"].tree.Root()}
			signed, err := c.Sign(s)
			w.must(err)
			for name, data := range all {
				if strings.HasPrefix(name, dirNamespace) {
					all[name] = bytes.ReplaceAll(data, all[dirNamespace+nameCheckpoint], signed)
				}
			}
		}},
		{"a tag that was not exported", nameIndex, func(all map[string][]byte) {
			delete(all, numbered(dirNamespace, req.Tag, suffixEntry))
			delete(all, numbered(dirNamespace, req.Tag, suffixProof))
		}},
		{"a signature without its event", dirReferrers, func(all map[string][]byte) {
			delete(all, numbered(dirNamespace, req.Referrers[0], suffixEntry))
			delete(all, numbered(dirNamespace, req.Referrers[0], suffixProof))
		}},
		{"a log signed by another", dirNode + nameCheckpoint, func(all map[string][]byte) {
			seed := sha256.Sum256([]byte("evil"))
			origin := w.logs[""].origin
			s, err := eventlog.Signer(origin, ed25519.NewKeyFromSeed(seed[:]))
			w.must(err)
			c := eventlog.Checkpoint{Origin: origin, Size: w.logs[""].tree.Size(), Root: w.logs[""].tree.Root()}
			all[dirNode+nameCheckpoint], err = c.Sign(s)
			w.must(err)
		}},
	} {
		refusedFor(t, w, forged(t, members, tt.change), tt.member, tt.what, w.root())
	}
}

// Each field of evidence.json is held against the rest.
func TestEvidenceFields(t *testing.T) {
	w, file := guarded(t)
	members := opened(t, file)
	i := slices.IndexFunc(members, func(e entry) bool { return e.name == nameEvidence })
	was := string(members[i].data)
	for _, change := range [][2]string{
		{`"version": 1`, `"version": 0`}, {`"version": 1`, `"version": 2`}, {`report:v1`, `report:v2`}, {`"content": true`, `"content": false`},
		{`"origin": "example.org/acme"`, `"origin": "example.org/acmo"`}, {`"size": 4`, `"size": 5`}, {`"kind": "tag.set"`, `"kind": "tag.removed"`},
		{`"index": 1`, `"index": 2`}, {`:00:`, `:01:`}, {`"bundles": 2`, `"bundles": 1`}, {`"policies": []`, `"policies": [1]`},
		{"\n}", "\n }"}, {"{\n  \"version\"", "{\n  \"more\": 1,\n  \"version\""}, {"blake3:", "sha256:"}, {`"sha256": "`, `"sha256":"`},
	} {
		now := strings.Replace(was, change[0], change[1], 1)
		if now == was {
			t.Errorf("%q does not stand in evidence.json:\n%s", change[0], was)
		}
		members[i].data = []byte(now)
		refusedFor(t, w, writeTar(t, members...), nameEvidence, change[1], w.root())
	}
}
