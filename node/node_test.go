package node_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node"
	"github.com/tegwick/artifact-store/node/ingest"
)

// config is of a new store, which must be whole when the test ends.
func config(t *testing.T) node.Config {
	cfg := node.Config{Dir: filepath.Join(t.TempDir(), "store"), StateDir: t.TempDir(), Create: true}
	t.Cleanup(func() {
		with(t, cfg, func(ctx context.Context, n *node.Node) error {
			report, err := n.Fsck(ctx, nil)
			for _, p := range report.Problems {
				t.Errorf("fsck: %+v", p)
			}
			return err
		})
	})
	return cfg
}

func with(t *testing.T, cfg node.Config, fn func(context.Context, *node.Node) error) {
	t.Helper()
	if err := node.With(context.Background(), cfg, fn); err != nil {
		t.Fatal(err)
	}
}

func put(ctx context.Context, n *node.Node, name, content string) (node.PutResult, error) {
	r, err := dag.ParseReference(name)
	if err != nil {
		return node.PutResult{}, err
	}
	return n.Put(ctx, node.PutRequest{
		Repository: r.Repository, Tag: r.Tag,
		Content: ingest.Request{Paths: []string{"-"}, Stdin: strings.NewReader(content)},
	})
}

// names returns all that the store lists.
func names(t *testing.T, cfg node.Config) []string {
	t.Helper()
	var all []string
	with(t, cfg, func(ctx context.Context, n *node.Node) error {
		return n.List(ctx, "", func(a node.Artifact) error {
			all = append(all, a.Repository+"@"+a.Digest().String()+" "+strings.Join(a.Tags, " ")+" "+a.Published.String())
			return nil
		})
	})
	return all
}

func TestWhatWasPutOutlivesTheNode(t *testing.T) {
	cfg := config(t)
	with(t, cfg, func(ctx context.Context, n *node.Node) error {
		if !n.Created() {
			t.Error("the store was not made")
		}
		_, err := put(ctx, n, "acme/app:v1", "content")
		return err
	})
	with(t, cfg, func(ctx context.Context, n *node.Node) error {
		if n.Created() {
			t.Error("the store was made again")
		}
		var got bytes.Buffer
		_, err := n.Cat(ctx, dag.Reference{Repository: "acme/app", Tag: "v1"}, "", &got)
		if got.String() != "content" {
			t.Errorf("got %q", &got)
		}
		return err
	})
}

func TestPutsRunSideBySide(t *testing.T) {
	cfg := config(t)
	with(t, cfg, func(ctx context.Context, n *node.Node) error {
		var group errgroup.Group
		for _, tag := range []string{"a", "b", "c", "d", "e", "f"} {
			group.Go(func() error {
				_, err := put(ctx, n, "acme/app:"+tag, strings.Repeat("shared ", 100_000)+tag)
				return err
			})
		}
		return group.Wait()
	})
	if got := names(t, cfg); len(got) != 6 {
		t.Errorf("listed %q, want 6", got)
	}
}

// endless never ends, and cancels once some of it was read.
type endless struct {
	left   int
	cancel func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left -= len(p); e.left < 0 {
		e.cancel()
	}
	return len(p), nil
}

func TestCancelledPutPublishesNothing(t *testing.T) {
	cfg := config(t)
	stopped := errors.New("stopped by hand")
	ctx, cancel := context.WithCancelCause(context.Background())
	err := node.With(ctx, cfg, func(ctx context.Context, n *node.Node) error {
		_, err := n.Put(ctx, node.PutRequest{Tag: "v1", Content: ingest.Request{
			Paths: []string{"-"}, Stdin: &endless{8 << 20, func() { cancel(stopped) }},
		}})
		return err
	})
	if !errors.Is(err, stopped) {
		t.Errorf("the error is %v, want the cause", err)
	}
	if got := names(t, cfg); len(got) > 0 {
		t.Errorf("listed %q, want nothing", got)
	}
}

func TestTheFlowsErrorIsTheNodes(t *testing.T) {
	cfg := config(t)
	own := errors.New("own")
	if err := node.With(context.Background(), cfg, func(context.Context, *node.Node) error { return own }); !errors.Is(err, own) {
		t.Errorf("got %v", err)
	}
	with(t, cfg, func(ctx context.Context, _ *node.Node) error {
		err := node.With(ctx, cfg, func(context.Context, *node.Node) error { return errors.New("a second node ran") })
		if !fault.Is(err, fault.Unavailable) || fault.HintOf(err) == "" {
			t.Errorf("a second node: %v", err)
		}
		return nil
	})
}

func TestWhatMakesNoSenseIsRefusedBeforeAnythingIsRead(t *testing.T) {
	cfg := config(t)
	unread := readerFunc(func([]byte) (int, error) { t.Error("the input was read"); return 0, io.EOF })
	content := ingest.Request{Paths: []string{"-"}, Stdin: unread}
	with(t, cfg, func(ctx context.Context, n *node.Node) error {
		for _, req := range []node.PutRequest{
			{Repository: "ACME/x", Content: content},
			{Repository: "acme/x", Tag: "-", Content: content},
			{Profile: "huge", Content: content},
		} {
			if _, err := n.Put(ctx, req); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", req, err)
			}
		}
		return nil
	})
	cfg.Compression = "lz4"
	err := node.With(context.Background(), cfg, func(context.Context, *node.Node) error { return nil })
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("compression lz4: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A rebuild that is cut short at any step leaves a store that works, or one
// that the next rebuild makes work, and that says the same as before.
func TestRebuildSurvivesBeingCutShort(t *testing.T) {
	for name, cut := range map[string]func(t *testing.T, index string){
		"before it began": func(*testing.T, string) {},
		"while building":  func(t *testing.T, index string) { write(t, index+".new/000001.sst") },
		"before the old one went aside": func(t *testing.T, index string) {
			copyDir(t, index, index+".new")
		},
		"between the renames": func(t *testing.T, index string) {
			copyDir(t, index, index+".new")
			rename(t, index, index+".old")
		},
		"before the old one was removed": func(t *testing.T, index string) {
			copyDir(t, index, index+".old")
		},
		"while the old one was removed": func(t *testing.T, index string) { write(t, index+".old/MANIFEST") },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			with(t, cfg, func(ctx context.Context, n *node.Node) error {
				_, err := put(ctx, n, "acme/app:v1", "one")
				_, err2 := put(ctx, n, "acme/app:v2", strings.Repeat("two", 1<<20))
				return errors.Join(err, err2)
			})
			want := names(t, cfg)
			index := filepath.Join(cfg.Dir, "index")
			cut(t, index)
			err := node.With(context.Background(), cfg, func(context.Context, *node.Node) error { return nil })
			if err != nil && (!fault.Is(err, fault.Corrupt) || fault.HintOf(err) == "") {
				t.Errorf("opening it says %v", err)
			}
			told := 0
			progress := func(done, total int) {
				if told++; done > total {
					t.Errorf("%d of %d", done, total)
				}
			}
			if err := node.RebuildIndex(context.Background(), cfg, progress); err != nil {
				t.Fatal(err)
			}
			if got := names(t, cfg); !slices.Equal(got, want) || len(got) != 2 || told == 0 {
				t.Errorf("told %d times; after it\n%q, before\n%q", told, got, want)
			}
			for _, left := range []string{index + ".new", index + ".old"} {
				if _, err := os.Stat(left); err == nil {
					t.Errorf("%s is left", left)
				}
			}
		})
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("half"), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
