package e2e

import (
	"slices"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// identityShapes are the contracts of --json of the commands about identity, as shapes has the others.
func identityShapes() map[string][]string {
	profile := func(path string) []string {
		return joined(aliasShape(path+".aliases[]"), []string{path + ".consents list", path + ".households list"}, linkShape(path+".links[]", "string"), []string{path + ".profile string"})
	}
	list := func(lists ...[]string) []string {
		return joined(append(lists, []string{
			"guards string", "guards_version string", "model string", "model_version string", "next_page_token string", "position string", "total string",
		})...)
	}
	return map[string][]string{
		"identity resolve user_id:a": {"alias string", "known bool", "mark string", "position string", "profile string"},
		"identity get user_id:a": joined(profile("profile"), []string{
			"cut string", "features[].missing bool", "features[].name string", "features[].value number", "view string",
		}),
		"identity explain user_id:a email:a@example.com": joined(
			aliasShape("aliases[]"), linkShape("path[]", "string"), []string{
				"history[].actor string", "history[].alias string", "history[].at string", "history[].other string",
				"history[].position string", "history[].posterior number", "history[].purpose string", "history[].reason string", "history[].rule string",
				"history[].type string", "history[].waterfall null", "one_person bool", "summary string",
			}),
		"identity link user_id:a user_id:b --validate-only": joined(profile("profile"), []string{"position string", "unchanged bool"}),
		"identity consent user_id:c --give marketing": {
			"position string", "profile.aliases[].alias string", "profile.aliases[].first_seen string", "profile.aliases[].mark string",
			"profile.aliases[].type string", "profile.aliases[].value string", "profile.consents[].actor string",
			"profile.consents[].alias string", "profile.consents[].at string", "profile.consents[].position string",
			"profile.consents[].purpose string", "profile.consents[].reason string", "profile.consents[].rule string",
			"profile.consents[].state string", "profile.households list", "profile.links list", "profile.profile string", "unchanged bool",
		},
		"identity unlink user_id:a email:a@example.com --validate-only": joined(
			profile("profiles[]"), []string{"position string", "unchanged bool"}),
		"identity preview unlink user_id:a email:a@example.com": joined(
			outlineShape("regroupings[].before[]"), outlineShape("regroupings[].after[]"), []string{
				"aliases_affected string", "decisions_different string", "decisions_examined string", "differences list",
				"links_added string", "links_taken_back string", "merges string", "position string", "profiles_affected string",
				"profiles_after string", "profiles_before string", "shared string", "splits string",
			}),
		"identity list barred": list(aliasShape("aliases[]"), slices.DeleteFunc(linkShape("links[]", "string"), func(s string) bool {
			return s == "links[].evidence[] string"
		}), []string{"links[].evidence list", "marked list"}),
		"identity list marked": list([]string{"aliases list", "links list"}, aliasShape("marked[]")),
		"identity guards show": {"document string", "version number"},
		"identity match show":  {"model string", "version number"},
	}
}

func aliasShape(path string) []string {
	return []string{path + ".alias string", path + ".first_seen string", path + ".mark string", path + ".type string", path + ".value string"}
}

func outlineShape(path string) []string {
	return joined(aliasShape(path+".aliases[]"), []string{path + ".consents list", path + ".households list", path + ".links list", path + ".profile string"})
}

// linkShape is of a link without a waterfall; at is the type of its time.
func linkShape(path, at string) []string {
	var out []string
	for _, name := range []string{
		"actor string", "alias string", "at " + at, "evidence[] string", "guard string", "other string", "position string",
		"posterior number", "reason string", "rule string", "state string", "waterfall null",
	} {
		out = append(out, path+"."+name)
	}
	return out
}

func joined(lists ...[]string) []string {
	out := slices.Concat(lists...)
	slices.Sort(out)
	return slices.Compact(out)
}

// identifySome makes a person of two identifiers, another who is barred from it, and an identifier that means nobody.
func (s *server) identifySome() {
	s.t.Helper()
	s.send(&profferv1.Item{Type: "identify", MessageId: "i1"}, "user_id:a", "email:a@example.com")
	s.send(&profferv1.Item{Type: "identify", MessageId: "i2"}, "user_id:b")
	s.send(&profferv1.Item{Type: "identify", MessageId: "i3"}, "user_id:c")
	if _, err := s.identity().Unlink(s.t.Context(), &profferv1.UnlinkRequest{First: person("user_id:a"), Second: person("user_id:c"), Bar: true}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.identity().Mark(s.t.Context(), &profferv1.MarkRequest{Who: person("email:desk@example.com"), Mark: profferv1.MarkRequest_MARK_BLOCKED}); err != nil {
		s.t.Fatal(err)
	}
}
