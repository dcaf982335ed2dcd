package dag

// LayerPaths returns, for a manifest or a page of layers, the path of the
// layer that each link belongs to. Of a block that is neither it returns nil,
// and it leaves out a layer whose path cannot be read: it serves messages.
func LayerPaths(b Block) map[CID]string {
	var m manifestNode[Descriptor]
	var layers []Descriptor
	if decodeNode(opDecodeManifest, b, &m) == nil {
		layers = m.Layers
	} else {
		var p pageNode[Descriptor, page]
		if decodeNode(opDecodeManifest, b, &p) != nil {
			return nil
		}
		layers = p.Layers
	}
	paths := make(map[CID]string, len(layers))
	for _, l := range layers {
		if p, err := l.Path(); err == nil {
			paths[l.Root] = p
		}
	}
	return paths
}
