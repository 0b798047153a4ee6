package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// States of a link, as ProfileLink says.
const (
	linkActive    = "ACTIVE"
	linkHousehold = "HOUSEHOLD"
)

// tellProfile draws a profile: its identifiers as a tree of the links that join them, then what joins nobody, and what the
// person consents to.
func tellProfile(w io.Writer, p *profferv1.Profile) {
	fmt.Fprintf(w, "profile %s\n", p.GetProfile())
	newPicture(p).draw(w)
	var rest []*profferv1.ProfileLink
	for _, l := range p.GetLinks() {
		if l.GetState() != linkActive {
			rest = append(rest, l)
		}
	}
	if len(rest) > 0 {
		fmt.Fprintln(w, "\nlinks that join nobody")
		tellLinks(w, p.GetAliases(), rest)
	}
	if len(p.GetConsents()) > 0 {
		fmt.Fprintln(w)
		tellConsents(w, p)
	}
	for _, h := range p.GetHouseholds() {
		fmt.Fprintf(w, "\nhousehold by %s %s: %d profiles\n", h.GetType(), h.GetAlias(), len(h.GetProfiles()))
		for _, other := range h.GetProfiles() {
			fmt.Fprintf(w, "  %s\n", other)
		}
	}
}

// picture is a profile's spanning tree, from its earliest alias on.
type picture struct {
	aliases map[string]*profferv1.ProfileAlias
	links   map[string][]*profferv1.ProfileLink
	order   []string
	drawn   map[string]bool
	used    map[*profferv1.ProfileLink]bool
}

func newPicture(p *profferv1.Profile) *picture {
	out := &picture{
		aliases: map[string]*profferv1.ProfileAlias{}, links: map[string][]*profferv1.ProfileLink{},
		drawn: map[string]bool{}, used: map[*profferv1.ProfileLink]bool{},
	}
	for _, a := range p.GetAliases() {
		out.aliases[a.GetAlias()] = a
		out.order = append(out.order, a.GetAlias())
	}
	if at := slices.Index(out.order, p.GetProfile()); at > 0 {
		out.order = slices.Insert(slices.Delete(out.order, at, at+1), 0, p.GetProfile())
	}
	for _, l := range p.GetLinks() {
		if l.GetState() == linkActive {
			out.links[l.GetAlias()] = append(out.links[l.GetAlias()], l)
			out.links[l.GetOther()] = append(out.links[l.GetOther()], l)
		}
	}
	return out
}

// branch is an alias that is to be drawn, and the link that leads to it.
type branch struct {
	alias string
	by    *profferv1.ProfileLink
}

func (p *picture) draw(w io.Writer) {
	for _, root := range p.order {
		if !p.drawn[root] {
			p.drawn[root] = true
			fmt.Fprintln(w, p.name(root))
			p.below(w, root, "")
		}
	}
	for _, root := range p.order {
		for _, l := range p.links[root] {
			if !p.used[l] {
				p.used[l] = true
				fmt.Fprintf(w, "also %s joins %s and %s\n", ruleText(l), p.name(l.GetAlias()), p.name(l.GetOther()))
			}
		}
	}
}

func (p *picture) below(w io.Writer, alias, indent string) {
	var branches []branch
	for _, l := range p.links[alias] {
		other := l.GetOther()
		if other == alias {
			other = l.GetAlias()
		}
		if p.aliases[other] == nil || p.drawn[other] {
			continue
		}
		p.drawn[other], p.used[l] = true, true
		branches = append(branches, branch{other, l})
	}
	for i, b := range branches {
		corner, deeper := "├─ ", "│  "
		if i == len(branches)-1 {
			corner, deeper = "└─ ", "   "
		}
		fmt.Fprintf(w, "%s%s%s  by %s\n", indent, corner, p.name(b.alias), provenance(b.by))
		p.below(w, b.alias, indent+deeper)
	}
}

func (p *picture) name(alias string) string {
	a := p.aliases[alias]
	if a == nil {
		return alias
	}
	return aliasName(a)
}

// aliasName is an identifier as far as it may be seen.
func aliasName(a *profferv1.ProfileAlias) string {
	text := a.GetAlias()
	switch {
	case a.GetValue() != "":
		text = a.GetType() + ":" + a.GetValue() + " (" + a.GetAlias() + ")"
	case a.GetType() != "":
		text = a.GetType() + " " + a.GetAlias()
	}
	if a.GetMark() != "" {
		text += " [" + a.GetMark() + "]"
	}
	return text
}

// ruleText is a rule, and for matches how sure it is.
func ruleText(l *profferv1.ProfileLink) string {
	if l.GetPosterior() < 1 && l.GetPosterior() > 0 {
		return l.GetRule() + " " + strconv.FormatFloat(l.GetPosterior(), 'f', 4, 64)
	}
	return l.GetRule()
}

// provenance is by what, when and where in the log.
func provenance(l *profferv1.ProfileLink) string {
	parts := []string{ruleText(l)}
	if l.GetActor() != "" {
		parts = append(parts, "of "+l.GetActor())
	}
	if l.GetAt() != nil {
		parts = append(parts, l.GetAt().AsTime().Format("2006-01-02 15:04:05"))
	}
	if l.GetPosition() != "" {
		parts = append(parts, l.GetPosition())
	}
	if l.GetReason() != "" {
		parts = append(parts, strconv.Quote(l.GetReason()))
	}
	return strings.Join(parts, ", ")
}

// tellLinks prints links as a table, with the identifiers of those aliases that are known.
func tellLinks(w io.Writer, known []*profferv1.ProfileAlias, links []*profferv1.ProfileLink) {
	names := namesOf(known)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "STATE\tFIRST\tSECOND\tRULE\tGUARD\tAT\tPOSITION\tREASON")
	for _, l := range links {
		at := ""
		if l.GetAt() != nil {
			at = l.GetAt().AsTime().Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", strings.ToLower(l.GetState()), names.name(l.GetAlias()),
			names.name(l.GetOther()), ruleText(l), l.GetGuard(), at, l.GetPosition(), l.GetReason())
	}
	_ = table.Flush()
}

// aliasNames are identifiers by their aliases.
type aliasNames map[string]*profferv1.ProfileAlias

func namesOf(known []*profferv1.ProfileAlias) aliasNames {
	out := aliasNames{}
	for _, a := range known {
		out[a.GetAlias()] = a
	}
	return out
}

// name is an identifier where it may be seen, else its alias.
func (n aliasNames) name(alias string) string {
	if a := n[alias]; a != nil {
		return shortName(a)
	}
	return alias
}

// tellFeatures prints the features that are there and not zero; the rest is a number.
func tellFeatures(w io.Writer, a *profferv1.GetResponse) {
	if len(a.GetFeatures()) == 0 {
		return
	}
	fmt.Fprintf(w, "\nfeatures of %s\n", a.GetView())
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	missing, zero := 0, 0
	for _, f := range a.GetFeatures() {
		switch {
		case f.GetMissing():
			missing++
		case f.GetValue() == 0:
			zero++
		default:
			fmt.Fprintf(table, "  %s\t%s\n", f.GetName(), strconv.FormatFloat(f.GetValue(), 'g', -1, 64))
		}
	}
	_ = table.Flush()
	fmt.Fprintf(w, "  %d more are 0, %d are missing\n", zero, missing)
}
