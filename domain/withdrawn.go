package domain

import "github.com/profferhq/proffer/domain/event"

// definitionKinds are what can be withdrawn, by how people and tables call it.
func definitionKinds() map[string]event.DefinitionWithdrawn_Kind {
	return map[string]event.DefinitionWithdrawn_Kind{
		"policy": event.DefinitionWithdrawn_KIND_POLICY, "feature_view": event.DefinitionWithdrawn_KIND_FEATURE_VIEW,
		"segments": event.DefinitionWithdrawn_KIND_SEGMENTS, "model": event.DefinitionWithdrawn_KIND_MODEL,
	}
}

// DefinitionKind is the kind of that name; false when there is none.
func DefinitionKind(name string) (event.DefinitionWithdrawn_Kind, bool) {
	kind, known := definitionKinds()[name]
	return kind, known
}

// DefinitionKindName is how a kind is called; empty for one that this version does not know.
func DefinitionKindName(kind event.DefinitionWithdrawn_Kind) string {
	for name, k := range definitionKinds() {
		if k == kind {
			return name
		}
	}
	return ""
}
