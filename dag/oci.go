package dag

// Media types of the OCI image specification 1.1.
const (
	TypeOCIManifest = "application/vnd.oci.image.manifest.v1+json"
	TypeOCIEmpty    = "application/vnd.oci.empty.v1+json"
)

// OCIEmpty is the content of the OCI empty descriptor ("guidance for an empty
// descriptor"), which stands for a config or layers that an artifact has not.
// A registry serves it without storing it.
const OCIEmpty = "{}"

// DeriveOCI returns the OCI image manifest of an artifact: the RFC 8785 form
// of a manifest as of image-spec 1.1, so that its bytes are the same for ever.
// Layers are in path order. ok is false where there is none: it would be over
// [MaxOCIManifest], something has no sha256, or the subject has no OCI
// manifest.
func DeriveOCI(m *Manifest, layers []Descriptor) (json []byte, ok bool) { return nil, false }
