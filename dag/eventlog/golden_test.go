package eventlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/dag/dagtest"
	"github.com/tegwick/artifact-store/dag/eventlog"
)

// update writes the golden files anew. They are frozen: only a new version of
// the format may change what is in them, and then beside the old.
var update = flag.Bool("update", false, "rewrite the golden files of this package")

// golden holds what got encodes to against a golden file.
func golden(t *testing.T, name string, got any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(got); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(filepath.Join("..", "dagtest", "testdata", name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := dagtest.Vectors(name); !bytes.Equal(b.Bytes(), want) {
		at := 0
		for at < min(b.Len(), len(want)) && b.Bytes()[at] == want[at] {
			at++
		}
		t.Errorf("%s differs from line %d: the format has changed", name, 1+bytes.Count(b.Bytes()[:at], []byte("\n")))
	}
}

// goldenEvent is an event in event.json.
type goldenEvent struct {
	Name    string         `json:"name"`
	Kind    eventlog.Kind  `json:"kind"`
	Time    int64          `json:"time"`
	Salt    string         `json:"salt"`
	Fields  map[string]any `json:"fields"`
	Payload string         `json:"payload"`
	Commit  string         `json:"commit"`
	Leaf    string         `json:"leaf"`
	Hash    string         `json:"hash"`
	Entry   string         `json:"entry"`
	Erased  string         `json:"erased"`
}

// goldenFields is a payload as JSON: a link in text, bytes in hex.
func goldenFields(p eventlog.Payload) map[string]any {
	fields := map[string]any{}
	for name, s := range map[string]string{
		"repository": p.Repository, "tag": p.Tag, "artifactType": p.ArtifactType, "subject": hexOf(p.Subject),
		"name": p.Name, "key": p.Key, "pem": p.PEM, "replaces": p.Replaces, "reason": p.Reason,
		"namespace": p.Namespace, "origin": p.Origin, "policy": hexOf(p.Policy),
	} {
		if s != "" {
			fields[name] = s
		}
	}
	if p.Manifest != nil {
		fields["manifest"] = p.Manifest.String()
	}
	if len(p.From) > 0 {
		fields["from"] = p.From
	}
	if p.Epoch > 0 {
		fields["epoch"] = p.Epoch
	}
	return fields
}

func goldenEventOf(t *testing.T, name string, kind eventlog.Kind, time int64, salt byte, p eventlog.Payload) goldenEvent {
	t.Helper()
	e, err := eventlog.NewEntry(kind, time, [32]byte(bytes.Repeat([]byte{salt}, 32)), p)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	ev, err := e.Open()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	entry, err := e.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	erased, err := eventlog.Entry{Leaf: e.Leaf}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	hash := e.Hash()
	return goldenEvent{
		Name: name, Kind: kind, Time: time, Salt: hexOf(e.Salt), Fields: goldenFields(p), Payload: hexOf(e.Payload),
		Commit: hexOf(ev.Commit), Leaf: hexOf(e.Leaf), Hash: hexOf(hash[:]), Entry: hexOf(entry), Erased: hexOf(erased),
	}
}

// goldenRefusal is what no reader may take.
type goldenRefusal struct {
	Reason string `json:"reason"`
	Hex    string `json:"hex"`
}

func TestEventsAreFrozen(t *testing.T) {
	const second = 1_700_000_000_000
	events := least()
	published := events[eventlog.ArtifactPublished]
	published.Tag, published.Subject, published.ArtifactType = "v1.2", subject, "application/vnd.acme.report.v1+json"
	attached := events[eventlog.SignatureAttached]
	attached.ArtifactType = "application/vnd.artifact-store.signature.v1"
	rotated := events[eventlog.KeyRotated]
	rotated.Reason = "yearly"
	revoked := events[eventlog.KeyRevoked]
	revoked.Reason, revoked.From = "caf\u00e9 laptop lost", map[string]uint64{"b": 1 << 40, "acme": 0, "beta-2": 24}
	file := struct {
		About  string          `json:"about"`
		Cases  []goldenEvent   `json:"cases"`
		Refuse []goldenRefusal `json:"refuse"`
	}{About: "Events. fields are those of the payload: a link in text, byte strings in hex. commit is SHA-256(salt || payload), hash is SHA-256(00 || leaf), entry is how an event is kept and travels, erased the same without payload and salt. refuse are entries that no reader may open."}
	for i, c := range []struct {
		name    string
		kind    eventlog.Kind
		time    int64
		payload eventlog.Payload
	}{
		{"an artifact", eventlog.ArtifactPublished, 0, events[eventlog.ArtifactPublished]},
		{"an artifact with all there is to say", eventlog.ArtifactPublished, second, published},
		{"an artifact leaves", eventlog.ArtifactRemoved, second, events[eventlog.ArtifactRemoved]},
		{"a tag", eventlog.TagSet, 1<<63 - 1, events[eventlog.TagSet]},
		{"a tag leaves", eventlog.TagRemoved, second, events[eventlog.TagRemoved]},
		{"a signature", eventlog.SignatureAttached, second, attached},
		{"a key", eventlog.KeyAdded, second, events[eventlog.KeyAdded]},
		{"a key for another", eventlog.KeyRotated, second, rotated},
		{"a key is revoked nowhere", eventlog.KeyRevoked, second, events[eventlog.KeyRevoked]},
		{"a key is revoked in three namespaces", eventlog.KeyRevoked, second, revoked},
		{"a namespace", eventlog.NamespaceClaimed, second, events[eventlog.NamespaceClaimed]},
		{"a policy", eventlog.PolicySet, second, events[eventlog.PolicySet]},
	} {
		file.Cases = append(file.Cases, goldenEventOf(t, c.name, c.kind, c.time, byte(i), c.payload))
	}
	file.Refuse = refusals(t)
	for _, r := range file.Refuse {
		if e, err := eventlog.UnmarshalEntry(unhex(t, r.Hex)); err == nil {
			if _, err := e.Open(); err == nil {
				t.Errorf("it opens: %s", r.Reason)
			}
		}
	}
	golden(t, "event.json", file)
}

// refusals are entries, each with one flaw.
func refusals(t *testing.T) []goldenRefusal {
	t.Helper()
	good := eventlog.Header{Version: 1, Kind: eventlog.TagSet, Time: 1}
	payload := least()[eventlog.TagSet]
	whole := forge(t, good, payload)
	encode := func(e eventlog.Entry) string {
		data, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return hexOf(data)
	}
	raw := func(v map[string]any) string { return hexOf(marshal(t, v)) }
	header := func(h eventlog.Header) string { return encode(forge(t, h, payload)) }
	another := func(p any) string { return encode(forge(t, good, p)) }
	long := map[string]any{"repository": "acme/report", "tag": "v1", "manifest": manifest}
	with := func(k string, v any) map[string]any {
		m := map[string]any{}
		for k, v := range long {
			m[k] = v
		}
		m[k] = v
		return m
	}
	return []goldenRefusal{
		{"an entry of version 2", raw(map[string]any{"v": 2, "leaf": whole.Leaf, "salt": whole.Salt, "payload": whole.Payload})},
		{"an entry with an unknown field", raw(map[string]any{"v": 1, "leaf": whole.Leaf, "x": 1})},
		{"an entry without a leaf", raw(map[string]any{"v": 1, "salt": whole.Salt, "payload": whole.Payload})},
		{"a salt without a payload", raw(map[string]any{"v": 1, "leaf": whole.Leaf, "salt": whole.Salt})},
		{"a payload without a salt", raw(map[string]any{"v": 1, "leaf": whole.Leaf, "payload": whole.Payload})},
		{"a salt of 31 bytes", raw(map[string]any{"v": 1, "leaf": whole.Leaf, "salt": whole.Salt[1:], "payload": whole.Payload})},
		{"a leaf of version 2", header(eventlog.Header{Version: 2, Kind: eventlog.TagSet, Time: 1})},
		{"a leaf of an unknown kind", header(eventlog.Header{Version: 1, Kind: "tag.moved", Time: 1})},
		{"a time before 1970", header(eventlog.Header{Version: 1, Kind: eventlog.TagSet, Time: -1})},
		{"another commitment", header(eventlog.Header{Version: 1, Kind: eventlog.TagSet, Time: 1, Commit: make([]byte, 32)})},
		{"a leaf with bytes behind it", raw(map[string]any{"v": 1, "leaf": append(bytes.Clone(whole.Leaf), 0)})},
		{"a payload without a field", another(map[string]any{"repository": "acme/report", "tag": "v1"})},
		{"a payload with a field of another kind", another(with("name", "ci"))},
		{"a payload with an unknown field", another(with("color", "red"))},
		{"a payload with an empty field", another(with("reason", ""))},
		{"a tag that is none", another(with("tag", ".v1"))},
		{"a repository that is none", another(with("repository", "acme"))},
	}
}

// goldenKey is the key of the golden files.
type goldenKey struct {
	Seed        string `json:"seed"`
	Public      string `json:"public"`
	Origin      string `json:"origin"`
	Verifier    string `json:"verifier"`
	DefaultSite string `json:"defaultSite"`
	NodeOrigin  string `json:"nodeOrigin"`
}

func goldenKeyOf(key ed25519.PrivateKey) goldenKey {
	public := key.Public().(ed25519.PublicKey)
	return goldenKey{
		Seed: hexOf(key.Seed()), Public: hexOf(public), Origin: origin, Verifier: eventlog.VerifierKey(origin, public),
		DefaultSite: eventlog.DefaultSite(public), NodeOrigin: eventlog.NodeOrigin("example.org", public),
	}
}

// goldenTree is a tree in tree.json.
type goldenTree struct {
	Size       uint64       `json:"size"`
	Root       string       `json:"root"`
	Checkpoint string       `json:"checkpoint"`
	Tiles      int          `json:"tiles"`
	Partial    []goldenTile `json:"partial"`
}

type goldenTile struct {
	Level  int    `json:"level"`
	Index  uint64 `json:"index"`
	Width  int    `json:"width"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"`
}

type goldenInclusion struct {
	Size   uint64   `json:"size"`
	Index  uint64   `json:"index"`
	Leaf   string   `json:"leaf"`
	Hashes []string `json:"hashes"`
}

type goldenConsistency struct {
	Size   uint64   `json:"size"`
	Old    uint64   `json:"old"`
	Hashes []string `json:"hashes"`
}

type goldenFork struct {
	Earlier string   `json:"earlier"`
	Later   string   `json:"later"`
	Root    string   `json:"root"`
	Proof   []string `json:"proof"`
	Hex     string   `json:"hex"`
}

type goldenBundle struct {
	Leaves []string `json:"leaves"`
	Hex    string   `json:"hex"`
}

type goldenTrees struct {
	About       string              `json:"about"`
	Key         goldenKey           `json:"key"`
	Trees       []goldenTree        `json:"trees"`
	Paths       []goldenTile        `json:"paths"`
	NotPaths    []string            `json:"notPaths"`
	Inclusion   []goldenInclusion   `json:"inclusion"`
	Consistency []goldenConsistency `json:"consistency"`
	Proofs      []string            `json:"proofs"`
	Forks       []goldenFork        `json:"forks"`
	Bundle      goldenBundle        `json:"bundle"`
}

func goldenHashes(hashes []eventlog.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = hexOf(h[:])
	}
	return out
}

// goldenLog is the log of tree.json, grown to a size; from fork on its leaves
// are others.
type goldenLog struct {
	t     *testing.T
	tree  *eventlog.Tree
	tiles memory
}

func goldenLogOf(t *testing.T, size, fork uint64) *goldenLog {
	t.Helper()
	tree, err := eventlog.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range size {
		if i >= fork {
			i |= 1 << 63
		}
		tree.Append(leafAt(i))
	}
	l := &goldenLog{t: t, tree: tree, tiles: memory{}}
	l.tiles.put(tree)
	return l
}

func (l *goldenLog) checkpoint() []byte { return signed(l.t, l.tree.Size(), l.tree.Root(), testKey()) }

func (l *goldenLog) inclusion(index uint64) []eventlog.Hash {
	l.t.Helper()
	hashes, err := eventlog.ProveInclusion(context.Background(), l.tiles, l.tree.Size(), l.tree.Root(), index)
	if err != nil {
		l.t.Fatal(err)
	}
	return hashes
}

func (l *goldenLog) describe() goldenTree {
	l.t.Helper()
	root := l.tree.Root()
	out := goldenTree{Size: l.tree.Size(), Root: hexOf(root[:]), Checkpoint: string(l.checkpoint()), Partial: []goldenTile{}}
	for tile := range eventlog.Tiles(l.tree.Size()) {
		out.Tiles++
		if tile.Width == eventlog.TileWidth {
			continue
		}
		data, err := l.tiles.ReadTile(context.Background(), tile)
		if err != nil {
			l.t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		out.Partial = append(out.Partial, goldenTile{tile.Level, tile.Index, tile.Width, tile.Path(), hexOf(sum[:])})
	}
	return out
}

func (l *goldenLog) fork(other *goldenLog) goldenFork {
	l.t.Helper()
	f, forked, err := eventlog.DetectFork(context.Background(), l.tiles, other.checkpoint(), l.checkpoint(), verifier(l.t, testKey()))
	if err != nil || !forked {
		l.t.Fatalf("no fork: %v", err)
	}
	data, err := f.Marshal()
	if err != nil {
		l.t.Fatal(err)
	}
	return goldenFork{string(f.Earlier), string(f.Later), hexOf(f.Root[:]), goldenHashes(f.Proof), hexOf(data)}
}

// notPaths are what no tile is served at.
var notPaths = []string{
	"", "tile", "tile/0", "tile/0/", "tile/8/0/000", "tile/0/0", "tile/0/1000", "tile/0/x000/000", "tile/0/x001/x234",
	"tile/0/001/234", "tile/00/000", "tile/-1/000", "tile/64/000", "tile/data/000", "tile/0/000.p/0", "tile/0/000.p/256",
	"tile/0/000.p/01", "tile/0/000.p/+1", "tile/0/000.p/", "tile/0/000.p/1/", "/tile/0/000", "0/000", "tile/entries/",
	"tile/0/x018/x446/x744/x073/x709/x551/616", "tile/0/000.p/1.p/1",
}

func TestTreesAreFrozen(t *testing.T) {
	file := goldenTrees{
		About:    "Logs. The leaf i of a tree, from 0, is the eight bytes of i in big endian, and its hash SHA-256(00 || leaf). The key, an Ed25519 one of the seed (RFC 8032), signs the checkpoints of the origin. trees tell the number of tiles and the partial ones, by the SHA-256 of their hashes. paths are those of tiles, at level -1 of entry bundles; notPaths are none. inclusion and consistency are proofs in the trees of those sizes. proofs are of the C2SP format; they are of the leaf at their index. forks are evidence: the other log has the leaves i + 2^63 from leaf 100 on.",
		Key:      goldenKeyOf(testKey()),
		NotPaths: notPaths,
	}
	for _, size := range []uint64{0, 1, 2, 3, 255, 256, 257, 1000, 65535, 65536, 65537, 70000} {
		l := goldenLogOf(t, size, size)
		file.Trees = append(file.Trees, l.describe())
		for _, index := range []uint64{0, size / 3, size - 1} {
			if size > 0 && (size < 4 || size == 257 || size == 70000) {
				leaf := leafAt(index)
				file.Inclusion = append(file.Inclusion, goldenInclusion{size, index, hexOf(leaf[:]), goldenHashes(l.inclusion(index))})
			}
		}
		for _, old := range []uint64{0, 1, 100, 256, 1000, 65536, size} {
			if old > size || size < 256 {
				continue
			}
			hashes, err := eventlog.ProveConsistency(t.Context(), l.tiles, size, l.tree.Root(), old)
			if err != nil {
				t.Fatal(err)
			}
			file.Consistency = append(file.Consistency, goldenConsistency{size, old, goldenHashes(hashes)})
		}
	}
	for _, tile := range []eventlog.Tile{
		{Level: 0, Index: 0, Width: 256}, {Level: 0, Index: 273, Width: 112}, {Level: 1, Index: 1, Width: 17},
		{Level: 5, Index: 999, Width: 256}, {Level: 5, Index: 1000, Width: 256}, {Level: 63, Index: 1234067, Width: 255},
		{Level: 0, Index: 1<<64 - 1, Width: 1},
		{Level: eventlog.EntriesLevel, Index: 1234067, Width: 256}, {Level: eventlog.EntriesLevel, Index: 0, Width: 8},
	} {
		file.Paths = append(file.Paths, goldenTile{tile.Level, tile.Index, tile.Width, tile.Path(), ""})
	}
	if got, want := eventlog.EntriesPath(1234067, 256), "tile/entries/x001/x234/067"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, path := range notPaths {
		if tile, err := eventlog.ParseTilePath(path); err == nil {
			t.Errorf("%q is %+v", path, tile)
		}
	}
	l := goldenLogOf(t, 1000, 1000)
	for _, p := range []eventlog.Proof{{Index: 0}, {Index: 999, Extra: []byte("what the application likes")}} {
		p.Hashes, p.Checkpoint = l.inclusion(p.Index), l.checkpoint()
		text, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Verify(leafAt(p.Index), origin, verifier(t, testKey())); err != nil {
			t.Error(err)
		}
		file.Proofs = append(file.Proofs, string(text))
	}
	for _, size := range []uint64{101, 256, 1000} {
		file.Forks = append(file.Forks, l.fork(goldenLogOf(t, size, 100)))
	}
	file.Bundle = goldenBundleOf(t)
	golden(t, "tree.json", file)
}

func goldenBundleOf(t *testing.T) goldenBundle {
	t.Helper()
	var out goldenBundle
	var bundle []byte
	for _, leaf := range []string{"first", "", string(make([]byte, 300))} {
		var err error
		if bundle, err = eventlog.AppendBundle(bundle, []byte(leaf)); err != nil {
			t.Fatal(err)
		}
		out.Leaves = append(out.Leaves, hexOf([]byte(leaf)))
	}
	out.Hex = hexOf(bundle)
	return out
}
