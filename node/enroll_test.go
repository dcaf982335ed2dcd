package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/storetest"
)

// bench is a node in a real directory whose metadata can be made to fail. Each
// run opens the store anew over what the last one left.
type bench struct {
	dir  string
	fs   *storetest.CrashFS
	meta *storetest.FaultyMetadata
}

func newBench(t *testing.T) *bench {
	return &bench{
		dir: filepath.Join(t.TempDir(), "store"), fs: storetest.NewCrashFS(1),
		meta: storetest.Faulty(lasting{storetest.NewMemory()}),
	}
}

// lasting outlives the store that it was opened for, as what is on disk does.
type lasting struct{ store.Metadata }

// Close implements [store.Metadata].
func (lasting) Close() error { return nil }

// run gives fn a node. What the store says at its end is not looked at: where a
// commit was made to fail, it repeats that.
func (b *bench) run(t *testing.T, fn func(context.Context, *Node)) {
	t.Helper()
	h, err := home.Open(b.dir, home.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	id, err := h.Identity(rand.Reader, "")
	if err != nil {
		t.Fatal(err)
	}
	opt := store.Options{ID: h.ID(), Packs: b.fs, Meta: b.meta, Now: time.Now, Random: rand.Reader}
	identify(&opt, id)
	s, err := store.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(ctx)
	}()
	fn(ctx, &Node{home: h, identity: id, store: s, now: time.Now, random: rand.Reader})
	stop()
	<-ended
	_ = s.Close()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// states returns the keys of a name by their states.
func states(t *testing.T, ctx context.Context, n *Node, name string) map[KeyState]string {
	t.Helper()
	keys, err := n.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[KeyState]string)
	for _, k := range keys {
		if k.Name == name {
			found[k.State] = k.ID
		}
	}
	return found
}

var secret = []byte("secret")

// signs asserts that the key of a name opens, is registered, and is id.
func signs(t *testing.T, ctx context.Context, n *Node, name, id string) {
	t.Helper()
	k, err := n.OpenKey(ctx, name, secret)
	if err != nil || string(k.ID()) != id || k.Name != name {
		t.Errorf("the key %s opens as %v %q, %v; want %s", name, k, k.Name, err, id)
	}
}

// A write that fails while a key is made leaves one of two things: a key that is
// registered and signs, or one that is called unregistered, signs nothing, and
// gives way when the command is given again. A crash may make either of it: the
// event is in the packs before it is in the index.
func TestAKeyAndItsEventAreOne(t *testing.T) {
	for name, mode := range map[string]storetest.FailMode{"failed": storetest.Failed, "persisted": storetest.Persisted} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			failing := func(make func(context.Context, *Node) (Key, error)) {
				b.run(t, func(ctx context.Context, n *Node) {
					b.meta.FailAt(b.meta.Commits()+1, mode)
					if _, err := make(ctx, n); err == nil || !b.meta.Tripped() {
						t.Fatalf("the write that fails is told as %v", err)
					}
				})
			}
			generate := func(ctx context.Context, n *Node) (Key, error) { return n.GenerateKey(ctx, "ci", secret) }
			rotate := func(ctx context.Context, n *Node) (Key, error) { return n.RotateKey(ctx, "ci", "", secret) }
			var first string
			failing(generate)
			b.run(t, func(ctx context.Context, n *Node) {
				first = whole(t, ctx, n, generate)
			})
			failing(rotate)
			b.run(t, func(ctx context.Context, n *Node) {
				second := whole(t, ctx, n, rotate)
				if was := states(t, ctx, n, "ci"); second == first || len(was) != 2 || was[KeyReplaced] != first {
					t.Errorf("there is %v, and %s was the first", was, first)
				}
			})
		})
	}
}

// whole asserts that what was left of the making of a key is one of the two
// things, gives the command again where it has to be, and returns the id.
func whole(t *testing.T, ctx context.Context, n *Node, again func(context.Context, *Node) (Key, error)) string {
	t.Helper()
	was := states(t, ctx, n, "ci")
	if was[KeyUnregistered] == "" && was[KeyActive] != "" {
		signs(t, ctx, n, "ci", was[KeyActive])
		return was[KeyActive]
	}
	if was[KeyUnregistered] != "" {
		if _, err := n.OpenKey(ctx, "ci", secret); !fault.Is(err, fault.Conflict) {
			t.Errorf("a key that no log knows opens: %v", err)
		}
	}
	made, err := again(ctx, n)
	if err != nil {
		t.Fatalf("there is %v, and made again: %v", was, err)
	}
	signs(t, ctx, n, "ci", made.ID)
	return made.ID
}

// Where the files cannot be written there is no event.
func TestAKeyThatCannotBeWrittenIsNotRegistered(t *testing.T) {
	b := newBench(t)
	b.run(t, func(ctx context.Context, n *Node) {
		ring := filepath.Join(b.dir, "keys")
		if err := os.WriteFile(ring, nil, 0o600); err != nil { // a file is in the place of the keyring
			t.Fatal(err)
		}
		if _, err := n.GenerateKey(ctx, "ci", secret); err == nil {
			t.Fatal("a key was kept in a file that is not a directory")
		}
		if err := os.Remove(ring); err != nil {
			t.Fatal(err)
		}
		if was := states(t, ctx, n, "ci"); len(was) > 0 {
			t.Errorf("there is %v", was)
		}
	})
}

// A making that was cut short between the files and the event leaves what signs
// nothing, is called what it is, and is in nobody's way.
func TestAMakingThatWasCutShort(t *testing.T) {
	b := newBench(t)
	var old Key
	b.run(t, func(ctx context.Context, n *Node) {
		var err error
		if old, err = n.GenerateKey(ctx, "held", secret); err != nil {
			t.Fatal(err)
		}
		other := newBench(t)
		other.run(t, func(ctx context.Context, o *Node) {
			for _, name := range []string{"ci", "held"} {
				if _, err := o.GenerateKey(ctx, name, secret); err != nil {
					t.Fatal(err)
				}
				p, _, err := o.held(name)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := n.replace(name, p); err != nil { // as far as it came
					t.Fatal(err)
				}
			}
		})
	})
	b.run(t, func(ctx context.Context, n *Node) {
		if was := states(t, ctx, n, "ci"); len(was) != 1 || was[KeyUnregistered] == "" {
			t.Errorf("there is %v", was)
		}
		for _, name := range []string{"ci", "held"} {
			if _, err := n.OpenKey(ctx, name, secret); !fault.Is(err, fault.Conflict) {
				t.Errorf("a key that no log knows opens: %v", err)
			}
		}
		made, err := n.GenerateKey(ctx, "ci", secret)
		if err != nil {
			t.Fatal(err)
		}
		signs(t, ctx, n, "ci", made.ID)
		if made, err = n.RotateKey(ctx, "held", "", secret); err != nil || made.Replaces != old.ID {
			t.Fatal(made, err)
		}
		signs(t, ctx, n, "held", made.ID)
	})
}

// A private half joins the public one that was registered before it, once.
func TestImport(t *testing.T) {
	b := newBench(t)
	b.run(t, func(ctx context.Context, n *Node) {
		var made Key
		var p pair
		other := newBench(t)
		other.run(t, func(ctx context.Context, o *Node) {
			var err, readErr error
			made, err = o.GenerateKey(ctx, "theirs", secret)
			p, _, readErr = o.held("theirs")
			if err := errors.Join(err, readErr); err != nil {
				t.Fatal(err)
			}
		})
		got, err := n.ImportKey(ctx, ImportRequest{Name: "vendor", File: p.public})
		if err != nil || got.ID != made.ID || got.Private != "" || got.State != KeyActive {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := n.OpenKey(ctx, "vendor", secret); !fault.Is(err, fault.NotFound) {
			t.Errorf("a private half that is not here opens: %v", err)
		}
		for _, bad := range []ImportRequest{
			{Name: "vendor", File: p.public}, {Name: "other", File: p.public}, {Name: "other", File: p.private, Old: secret},
		} {
			if _, err := n.ImportKey(ctx, bad); !fault.Is(err, fault.Conflict) {
				t.Errorf("the same key again: %v", err)
			}
		}
		if _, err := n.ImportKey(ctx, ImportRequest{Name: "vendor", File: p.private, Old: []byte("wrong")}); !fault.Is(err, fault.Denied) {
			t.Errorf("a wrong passphrase: %v", err)
		}
		got, err = n.ImportKey(ctx, ImportRequest{Name: "vendor", File: p.private, Old: secret, New: []byte("new")})
		if err != nil || got.ID != made.ID || got.Private == "" {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := n.OpenKey(ctx, "vendor", []byte("new")); err != nil {
			t.Error(err)
		}
		public, err := n.ExportKey(ctx, "vendor", false)
		if err != nil || !bytes.Equal(public, p.public) {
			t.Errorf("exported as %s, %v", public, err)
		}
	})
}
