package badger_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
)

// crashDir names, in the environment, the directory that this process is to
// write to until it is killed.
const crashDir = "BADGER_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := writeUntilKilled(dir, os.Getenv("BADGER_TEST_CRASH_FROM")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeUntilKilled commits numbered keys from several goroutines and prints
// the number of each as its commit is acknowledged.
func writeUntilKilled(dir, from string) error {
	first, err := strconv.Atoi(from)
	if err != nil {
		return err
	}
	db, err := badger.Open(dir, badger.Options{})
	if err != nil {
		return err
	}
	const writers = 4
	failed := make(chan error, writers)
	for w := range writers {
		go func() {
			for n := first + w; ; n += writers {
				batch := store.Batch{Put: rowsOf(n), Require: []store.Require{{Key: rowsOf(n)[0].Key}}}
				if err := db.Commit(context.Background(), batch); err != nil {
					failed <- err
					return
				}
				fmt.Println(n)
			}
		}()
	}
	return <-failed
}

// rowsOf are the two rows of number n, which commit together.
func rowsOf(n int) []store.Pair {
	id := binary.BigEndian.AppendUint64(nil, uint64(n))
	return []store.Pair{
		{Key: append([]byte("n"), id...), Value: bytes.Repeat(id, 1+n*7919%(store.MaxMetaValue/8))},
		{Key: append([]byte("m"), id...), Value: []byte{}},
	}
}

// TestKill kills a writing process at random points, again and again, and
// checks that all it acknowledged is there and that no commit is there in part.
func TestKill(t *testing.T) {
	const kills = 20
	dir := t.TempDir()
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	acknowledged := make(map[int]bool)
	next := 0
	for i := range kills {
		for _, n := range runAndKill(t, dir, next, 1+rng.IntN(800)) {
			acknowledged[n] = true
			next = max(next, n+1000)
		}
		// Without a look in between, a recovery is interrupted or repeated.
		if i%3 == 2 || i == kills-1 {
			checkRows(t, dir, acknowledged)
		}
	}
	t.Logf("%d kills, %d commits acknowledged", kills, len(acknowledged))
}

// runAndKill runs a writer, kills it after it acknowledged so many commits and
// returns all that it did.
func runAndKill(t *testing.T, dir string, from, after int) []int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir, "BADGER_TEST_CRASH_FROM="+strconv.Itoa(from))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []int
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n') // what is cut off by the kill was not acknowledged
		if err != nil {
			break
		}
		n, err := strconv.Atoi(line[:len(line)-1])
		if err != nil {
			t.Fatalf("the writer said %q", line)
		}
		if all = append(all, n); len(all) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if len(all) < after {
		t.Fatalf("the writer ended by itself after %d commits of %d: %v", len(all), after, cmd.ProcessState)
	}
	return all
}

func checkRows(t *testing.T, dir string, acknowledged map[int]bool) {
	t.Helper()
	db := open(t, dir)
	defer db.Close()
	present := make(map[int]bool)
	err := db.Iterate(t.Context(), []byte("n"), nil, func(k, v []byte) error {
		n := int(binary.BigEndian.Uint64(k[1:]))
		present[n] = true
		if !bytes.Equal(v, rowsOf(n)[0].Value) {
			t.Errorf("number %d has another value", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range acknowledged {
		if !present[n] {
			t.Errorf("number %d was acknowledged and is lost", n)
		}
	}
	second := 0
	if err := db.Iterate(t.Context(), []byte("m"), nil, func(k, _ []byte) error {
		second++
		if !present[int(binary.BigEndian.Uint64(k[1:]))] {
			t.Errorf("half of a commit: %x", k)
		}
		return nil
	}); err != nil || second != len(present) {
		t.Errorf("%d second rows for %d first: %v", second, len(present), err)
	}
}
