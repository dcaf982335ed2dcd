package conformance

import (
	"debug/buildinfo"
	"fmt"
	"path/filepath"
	"runtime"
)

// Bin is the directory of the programs, from the root of the module. Git
// ignores it.
const Bin = ".cache/conformance/bin"

// Tool is a program of others, pinned to a version, or one of ours that wraps
// a library of others.
type Tool struct {
	Name    string // of its file in [Bin], without .exe
	Package string // the import path of its command
	Version string // of the module that has the command; that of ours has none
	Dir     string // of our module that has the command, from the root of this one
}

// Tools returns the programs that the tests use, those that take longest to
// build last. The versions are the newest that build with the Go of go.mod.
func Tools() []Tool {
	return []Tool{
		{
			Name: "torchwood", Dir: "testnet/conformance/torchwood",
			Package: "github.com/tegwick/artifact-store/testnet/conformance/torchwood",
		},
		{Name: "litewitness", Package: "filippo.io/torchwood/cmd/litewitness", Version: "v0.9.0"},
		{Name: "fsck", Package: "github.com/transparency-dev/tessera/cmd/fsck", Version: "v1.0.4"},
		{Name: "cosign2", Package: "github.com/sigstore/cosign/v2/cmd/cosign", Version: "v2.6.5"},
		{Name: "cosign3", Package: "github.com/sigstore/cosign/v3/cmd/cosign", Version: "v3.1.3"},
	}
}

// Path returns where the program stands in a directory.
func (t Tool) Path(dir string) string {
	name := t.Name
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, name)
}

// Installed returns nil where the program stands in a directory at its
// version, which is read from the program itself. The error says what is there
// instead. Of one of ours any version will do.
func (t Tool) Installed(dir string) error {
	info, err := buildinfo.ReadFile(t.Path(dir))
	if err != nil {
		return err
	}
	if info.Path != t.Package || t.Dir == "" && info.Main.Version != t.Version {
		return fmt.Errorf("%s is %s %s, not %s %s", t.Path(dir), info.Path, info.Main.Version, t.Package, t.Version)
	}
	return nil
}
