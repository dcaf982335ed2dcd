package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"artifact": main})
}

// The stories that users live, each with a store of its own. What they can say
// beside the commands of testscript is in commands_test.go.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.Getenv("WORK")+"/home")
			e.Setenv("ARTIFACT_DIR", e.Getenv("WORK")+"/store")
			e.Setenv("ARTIFACT_STATE_DIR", e.Getenv("WORK")+"/state")
			// A program with the race detector sleeps for a second before it ends.
			e.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
			e.Values[heldKey{}] = make(map[string]*held)
			e.Values[followerKey{}] = make(map[string]*follower)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, os.ErrInvalid
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"field":    field,
			"flip":     flip,
			"follow":   follow,
			"follows":  follows,
			"generate": generate,
			"hold":     hold,
			"release":  release,
			"retry":    retry,
			"sametree": sametree,
			"signal":   signalHeld,
			"unfollow": unfollow,
			"value":    value,
			"vkey":     vkey,
		},
	})
}
