package store

import (
	"encoding/binary"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// Every key of the metadata plane stands here. Numbers are big endian so that
// keys sort as they count; a repository's name is ended by a zero byte, which
// no name can hold.
//
//	b <domain:4> <digest:32>                          -> location of a block
//	g <segment:8>                                     -> state of a segment
//	m <name>                                          -> single values
//
// The logs, by namespace; that of the node's own log is empty:
//
//	h <namespace>                                     -> head of a log
//	e <namespace> 0 <index:8>                         -> entry of a log
//	x <namespace> 0 <level:1> <index:8>               -> tile of a log, as far as it is filled
//
// The views, which follow from the logs alone:
//
//	a <repository> 0 <digest:32>                      -> artifact of a repository
//	t <repository> 0 <tag>                            -> tag of a repository
//	n <repository> 0 <digest:32> <tag>                -> the tags that name an artifact
//	r <repository> 0 <subject:32> <digest:32>         -> referrer of a subject
//	o <digest:32> <repository>                        -> owners of a manifest
//	k <key id>                                        -> key that the node knows
//	c <epoch:8>                                       -> policy
//	w <namespace>                                     -> claim of a namespace
//	v <name>                                          -> single values
const (
	prefixBlock   = "b"
	prefixSegment = "g"

	prefixHead  = "h"
	prefixEntry = "e"
	prefixTile  = "x"

	prefixArtifact = "a"
	prefixTag      = "t"
	prefixName     = "n"
	prefixReferrer = "r"
	prefixOwner    = "o"
	prefixKey      = "k"
	prefixPolicy   = "c"
	prefixClaim    = "w"
	prefixValue    = "v"
)

// viewPrefixes are those of the views, in the order in which their state is
// hashed.
var viewPrefixes = [...]string{
	prefixArtifact, prefixPolicy, prefixKey, prefixName, prefixOwner,
	prefixReferrer, prefixTag, prefixValue, prefixClaim,
}

// Single values.
var (
	keyStore    = []byte("mstore")    // the store's id: these rows belong to it
	keySequence = []byte("msequence") // sequence of the last event, and the chain of all
	keyRebuild  = []byte("mrebuild")  // there while the views are being rebuilt
	keyTop      = []byte("mtop")      // the largest number of a segment that was dropped: none is used twice

	keyEpoch      = []byte("vepoch")      // of the policy in force
	keyRevocation = []byte("vrevocation") // how long the node's log was with the last revocation in it
)

// domainPublic is the deduplication domain of unsealed blocks.
const domainPublic uint32 = 0

func blockKey(domain uint32, d dag.Digest) []byte {
	k := make([]byte, 0, 1+4+len(d))
	k = append(k, prefixBlock...)
	k = binary.BigEndian.AppendUint32(k, domain)
	return append(k, d[:]...)
}

// blockKeyDigest is the inverse of [blockKey] for its digest.
func blockKeyDigest(k []byte) (dag.Digest, error) {
	if len(k) != 1+4+32 {
		return dag.Digest{}, fault.New(fault.Corrupt, "read index", "", "a block key of %d bytes", len(k))
	}
	return dag.Digest(k[5:]), nil
}

func segmentKey(id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefixSegment), id)
}

// segmentKeyID is the inverse of [segmentKey].
func segmentKeyID(k []byte) (uint64, error) {
	if len(k) != 1+8 {
		return 0, fault.New(fault.Corrupt, "read index", "", "a segment key of %d bytes", len(k))
	}
	return binary.BigEndian.Uint64(k[1:]), nil
}

func artifactKey(repository string, d dag.Digest) []byte {
	return append(repositoryPrefix(prefixArtifact, repository), d[:]...)
}

func tagKey(repository, tag string) []byte {
	return append(repositoryPrefix(prefixTag, repository), tag...)
}

func nameKey(repository string, d dag.Digest, tag string) []byte {
	return append(namePrefix(repository, d), tag...)
}

func namePrefix(repository string, d dag.Digest) []byte {
	return append(repositoryPrefix(prefixName, repository), d[:]...)
}

func repositoryPrefix(prefix, repository string) []byte {
	k := make([]byte, 0, len(prefix)+len(repository)+1+64)
	k = append(k, prefix...)
	k = append(k, repository...)
	return append(k, 0)
}

func ownerKey(d dag.Digest, repository string) []byte {
	return append(ownerPrefix(d), repository...)
}

func ownerPrefix(d dag.Digest) []byte {
	return append([]byte(prefixOwner), d[:]...)
}

func referrerKey(repository string, subject, d dag.Digest) []byte {
	return append(referrerPrefix(repository, subject), d[:]...)
}

func referrerPrefix(repository string, subject dag.Digest) []byte {
	return append(repositoryPrefix(prefixReferrer, repository), subject[:]...)
}

func headKey(namespace string) []byte { return append([]byte(prefixHead), namespace...) }

func entryKey(namespace string, index uint64) []byte {
	return binary.BigEndian.AppendUint64(repositoryPrefix(prefixEntry, namespace), index)
}

// entryKeyIndex is the inverse of [entryKey] for its index.
func entryKeyIndex(k []byte) (uint64, error) {
	if len(k) < 1+1+8 {
		return 0, fault.New(fault.Corrupt, "read index", "", "an entry's key of %d bytes", len(k))
	}
	return binary.BigEndian.Uint64(k[len(k)-8:]), nil
}

func tileKey(namespace string, level int, index uint64) []byte {
	return binary.BigEndian.AppendUint64(append(repositoryPrefix(prefixTile, namespace), byte(level)), index)
}

func keyKey(id string) []byte { return append([]byte(prefixKey), id...) }

func policyKey(epoch uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefixPolicy), epoch)
}

func claimKey(namespace string) []byte { return append([]byte(prefixClaim), namespace...) }
