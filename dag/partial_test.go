package dag_test

import (
	"testing"

	"github.com/tegwick/artifact-store/dag"
)

func TestPartialNames(t *testing.T) {
	if got := dag.PartialName(dag.Digest{0x01, 0xab}); got != ".artifact-partial-01ab000000000000" {
		t.Errorf("got %s", got)
	}
	for name, want := range map[string]bool{
		dag.PartialName(dag.Sum([]byte("x"))): true,
		".artifact-partial-":                  true,
		".ARTIFACT-Partial-0123456789abcdef":  true,
		".artifact-partial":                   false,
		"artifact-partial-0123456789abcdef":   false,
		"x.artifact-partial-0123456789abcdef": false,
		"":                                    false,
	} {
		if got := dag.IsPartialName(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}
