package restore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/tegwick/artifact-store/dag"
	"github.com/tegwick/artifact-store/dag/fault"
)

// maxOCILayers is more than the descriptors that an OCI manifest of
// [dag.MaxOCIManifest] bytes can hold.
const maxOCILayers = dag.MaxOCIManifest / 64

// oci checks the OCI manifest: its own bytes, and that it names what the
// manifest does. One that was derived from the manifest is so to the byte; of
// one that was pushed the content and the names must be the same.
func (v *verifier) oci(ctx context.Context, m *dag.Manifest, layers []dag.Descriptor) error {
	if err := v.blob(ctx, PartOCI, "", *m.OCI); err != nil {
		return err
	}
	block, err := v.g.Get(ctx, m.OCI.Root)
	if err != nil {
		return context.Cause(ctx) // the blob above noted it
	}
	if derived, ok := dag.DeriveOCI(m, layers); ok && bytes.Equal(derived, block.Data) {
		return nil
	}
	if err := agrees(block.Data, m, layers); err != nil {
		return v.note(ctx, PartOCI, "", m.OCI.Root, err)
	}
	return nil
}

// ociManifest is what is compared of an OCI image manifest (image-spec 1.1).
type ociManifest struct {
	Config ociDescriptor   `json:"config"`
	Layers []ociDescriptor `json:"layers"`
}

type ociDescriptor struct {
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
}

// content is what two descriptors of one thing have in common.
type content struct {
	digest string
	size   int64
	title  string
}

func (d ociDescriptor) content() content {
	return content{d.Digest, d.Size, d.Annotations[dag.AnnotationPath]}
}

func contentOf(d dag.Descriptor) content {
	return content{"sha256:" + hex.EncodeToString(d.Digest("sha256")), int64(d.Size), d.Annotations[dag.AnnotationPath]}
}

// agrees compares an OCI manifest with the manifest and its layers, whose
// order may differ.
func agrees(data []byte, m *dag.Manifest, layers []dag.Descriptor) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Corrupt, "compare OCI manifest", "", format, args...)
	}
	var oci ociManifest
	if err := json.Unmarshal(data, &oci); err != nil {
		return bad("it is not JSON: %w", err)
	}
	// The empty descriptor stands for what is not there.
	sum := sha256.Sum256([]byte(dag.OCIEmpty))
	empty := fmt.Sprintf("sha256:%x", sum)
	config := oci.Config.content()
	switch {
	case m.Config != nil && config != contentOf(*m.Config):
		return bad("its config is %s, not the artifact's", config.digest)
	case m.Config == nil && config.digest != empty:
		return bad("its config is %s where the artifact has none", config.digest)
	}
	if len(layers) == 0 && len(oci.Layers) == 1 && oci.Layers[0].Digest == empty {
		return nil
	}
	count := make(map[content]int, len(layers))
	for _, d := range layers {
		count[contentOf(d)]++
	}
	for _, d := range oci.Layers {
		c := d.content()
		if count[c]--; count[c] < 0 {
			return bad("its layer %s %q is not one of the artifact's", c.digest, c.title)
		}
	}
	for _, d := range layers {
		if c := contentOf(d); count[c] > 0 {
			return bad("it lacks the artifact's layer %s %q", c.digest, c.title)
		}
	}
	return nil
}
