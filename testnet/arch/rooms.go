package arch

// room is a row of the table: packages, and what of ours they may import.
type room struct {
	pkgs  string   // a pattern, as [within] takes it
	may   []string // patterns
	tests []string // what their test files may import besides
}

// rooms is the table. The first row that matches a package is its room, and
// what the room may import follows from the floor it is on: strictly down,
// never to a door beside it. A package without a room is refused.
var rooms = []room{
	{pkgs: "cmd/artifact", may: []string{"node/...", "dag", "dag/fault"}},
	{pkgs: "node", may: []string{"node/...", "api/...", "exchange/...", "gossip/...", "store/...", "trust/...", "dag/..."}},
	{pkgs: "node/...", may: []string{"store/...", "trust/...", "dag/..."}, tests: []string{"node/..."}},
	{pkgs: "exchange/...", may: []string{"exchange/...", "dag/..."}},
	{pkgs: "gossip/...", may: []string{"gossip/...", "trust/...", "dag/..."}},
	{pkgs: "api/...", may: []string{"api/...", "trust/...", "dag/..."}},
	{pkgs: "store/...", may: []string{"store/...", "trust/...", "dag/..."}},
	{pkgs: "trust/...", may: []string{"trust/...", "dag/..."}},
	{pkgs: "dag/fault"},
	{pkgs: "dag/dagcbor", may: []string{"dag/fault"}},
	{pkgs: "dag/...", may: []string{"dag/..."}},
	{pkgs: yard},
}

// yard may import everything, and is imported by nothing outside it.
const yard = "testnet/..."

// testOnly are the packages that only tests, the yard and they themselves import.
var testOnly = []string{"dag/dagtest", "store/storetest"}

// owner says who alone may import a package and those below it. The tests of
// the owner's top-level room may too.
type owner struct {
	path string
	by   []string // patterns; none: nobody
	why  string
}

// owners is the table of what is kept in one place, so that it can be changed
// or replaced there.
var owners = []owner{
	{"github.com/ipfs/go-cid", []string{"dag"}, "dag.CID is the one notion of a CID"},
	{"github.com/multiformats/go-multihash", []string{"dag"}, "its root registers another BLAKE3"},
	{"github.com/zeebo/blake3", []string{"dag", "dag/chunk"}, "dag.Sum is the one hash"},
	{"github.com/fxamacker/cbor", []string{"dag/dagcbor"}, "it accepts what is not canonical"},
	{"github.com/sigstore", []string{"trust/sigstore"}, "signature formats stay behind trust"},
	{"github.com/dgraph-io", []string{"store/badger"}, "backends stand behind the metadata contract"},
	{"github.com/libp2p/go-libp2p", []string{"exchange/p2p", "gossip/p2p", "node"}, "streams stay behind the doors"},
	{"github.com/libp2p/go-libp2p-pubsub", []string{"gossip/p2p"}, "pubsub stays behind gossip"},
	{"github.com/urfave/cli", []string{"cmd/artifact"}, "flags are the roof's"},
	{"net/http", []string{"api/..."}, "HTTP is spoken by the api alone"},
	{"C", nil, "the product is built without cgo"},
	{module + "/store/badger", []string{"store/badger/...", "node/..."}, "a backend is handed in by node"},
}

// impure are the packages that nothing in dag may import outside tests: it has
// no clock, disk, goroutine or network, and no randomness but what is passed in.
var impure = []string{
	"os/...", "net/...", "time", "sync/...", "syscall/...", "log/...",
	"io/ioutil", "math/rand/...", "crypto/rand", "golang.org/x/sync/...", "golang.org/x/sys/...",
}

// vague are the names that say nothing about what a package holds.
var vague = []string{"util", "utils", "common", "types", "helper", "helpers", "model", "models"}

// The largest files, in lines.
const (
	maxLines     = 500
	maxTestLines = 800
)
