package projections

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

func (g *gathering) addPolicy(place Place, e *event.Event) {
	rows := &g.batch.Rows
	rows.PolicyEvents = append(rows.PolicyEvents, PolicyEventRow{Place: place, Type: domain.TypeOf(e)})
	if d, is := definitionRow(e); is {
		d.At, d.SinceMs = place.At, place.OccurredMs
		rows.Definitions = append(rows.Definitions, d)
	}
	switch b := e.GetBody().(type) {
	case *event.Event_OfferDefined:
		rows.Offers = append(rows.Offers, offerRow(place, b.OfferDefined.GetOffer()))
	case *event.Event_PolicyPublished:
		g.addPublished(place, b.PolicyPublished)
	case *event.Event_FeatureViewPublished:
		v := b.FeatureViewPublished
		rows.FeatureViews = append(rows.FeatureViews, FeatureViewRow{
			At: place.At, Name: cell(v.GetName()), Fingerprint: v.GetFingerprint(),
			SpecsJSON: document(v.GetSpecsJson()), PublishedMs: place.OccurredMs,
		})
	}
}

// definitionRow is what an event defines or withdraws; false when it does neither.
func definitionRow(e *event.Event) (DefinitionRow, bool) {
	kind, name, of := event.DefinitionWithdrawn_KIND_UNSPECIFIED, "", uint64(0)
	var d DefinitionRow
	switch b := e.GetBody().(type) {
	case *event.Event_PolicyPublished:
		kind, name, of = event.DefinitionWithdrawn_KIND_POLICY, b.PolicyPublished.GetPolicy().GetId(), b.PolicyPublished.GetVersion()
	case *event.Event_FeatureViewPublished:
		kind, name, d.Reason = event.DefinitionWithdrawn_KIND_FEATURE_VIEW, b.FeatureViewPublished.GetName(), b.FeatureViewPublished.GetReason()
	case *event.Event_SegmentDefined:
		kind, name, of = event.DefinitionWithdrawn_KIND_SEGMENTS, b.SegmentDefined.GetId(), b.SegmentDefined.GetVersion()
		d.Reason, d.Withdrawn = b.SegmentDefined.GetReason(), len(b.SegmentDefined.GetDefinitionJson()) == 0
	case *event.Event_ModelRegistered:
		kind, name, of = event.DefinitionWithdrawn_KIND_MODEL, b.ModelRegistered.GetName(), b.ModelRegistered.GetVersion()
		d.Reason = b.ModelRegistered.GetReason()
	case *event.Event_DefinitionWithdrawn:
		w := b.DefinitionWithdrawn
		kind, name, of, d.Reason, d.Withdrawn = w.GetKind(), w.GetName(), w.GetVersion(), w.GetReason(), true
	}
	if d.Kind = domain.DefinitionKindName(kind); d.Kind == "" {
		return d, false
	}
	if kind == event.DefinitionWithdrawn_KIND_MODEL {
		name = fmt.Sprintf("%s@%d", name, of)
	}
	d.Name, d.Version, d.Reason = cell(name), version(of), cell(d.Reason)
	return d, true
}

func (g *gathering) addPublished(place Place, published *event.PolicyPublished) {
	p := published.GetPolicy()
	digest := sha256.Sum256(domain.Canonical(p))
	rows := &g.batch.Rows
	rows.Policies = append(rows.Policies, PolicyRow{
		At: place.At, Policy: cell(p.GetId()), Version: published.GetVersion(),
		Description: cell(p.GetDescription()), View: cell(p.GetView()), Holdout: p.GetHoldout(),
		Placements: len(p.GetPlacements()), Offers: len(p.GetOffers()), Limits: len(p.GetContactLimits()),
		Digest: digest[:], Document: clip(published.GetSource(), maxDocumentBytes),
		PublishedMs: place.OccurredMs, PublishedBy: place.Source,
	})
	for _, o := range p.GetOffers() {
		row := offerRow(place, o)
		row.Policy, row.PolicyVersion = cell(p.GetId()), published.GetVersion()
		rows.Offers = append(rows.Offers, row)
	}
}

func offerRow(place Place, o *event.Offer) OfferRow {
	return OfferRow{
		At: place.At, Offer: cell(o.GetId()), Description: cell(o.GetDescription()), Category: cell(o.GetCategory()),
		Propensity: cell(o.GetPropensity()), Value: cell(o.GetValue()),
		Weight: cell(o.GetWeight()), Cost: cell(o.GetCost()),
		Treatments: len(o.GetTreatments()), Rules: len(o.GetEligibility()), ValidityMs: o.GetValidityMs(),
		AttributesJSON: jsonOf(o.GetAttributes()), DefinedMs: place.OccurredMs, DefinedBy: place.Source,
		TreatmentsJSON: treatmentsJSON(o.GetTreatments()), EligibilityRulesJSON: rulesJSON(o.GetEligibility()),
	}
}

func treatmentsJSON(treatments []*event.Treatment) string {
	type treatment struct {
		ID      string            `json:"id"`
		Channel string            `json:"channel"`
		Content map[string]string `json:"content,omitempty"`
	}
	list := make([]treatment, 0, len(treatments))
	for _, t := range treatments {
		list = append(list, treatment{ID: t.GetId(), Channel: t.GetChannel(), Content: t.GetContent()})
	}
	return jsonOf(list)
}

func rulesJSON(rules []*event.Rule) string {
	type rule struct {
		Name string `json:"name"`
		When string `json:"when"`
	}
	list := make([]rule, 0, len(rules))
	for _, r := range rules {
		list = append(list, rule{Name: r.GetName(), When: r.GetWhen()})
	}
	return jsonOf(list)
}

// contextJSON is the facts of a request as one JSON object; a number JSON cannot hold is null.
func contextJSON(values []*event.ContextValue) string {
	if len(values) == 0 {
		return "{}"
	}
	facts := make(map[string]any, len(values))
	for _, v := range values {
		switch x := v.GetValue().(type) {
		case *event.ContextValue_Text:
			facts[v.GetName()] = x.Text
		case *event.ContextValue_Number:
			facts[v.GetName()] = jsonNumber(x.Number)
		case *event.ContextValue_Flag:
			facts[v.GetName()] = x.Flag
		}
	}
	return jsonOf(facts)
}

func jsonNumber(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f
}

// jsonOf encodes text, numbers, lists and maps with ascending keys; of NUL, which databases refuse, U+FFFD is left.
func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return withoutNUL(string(b))
}

// document is JSON that somebody else wrote, as a database can hold it; null when it is none or too large.
func document(b []byte) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if len(b) > maxDocumentBytes || d.Decode(&v) != nil {
		return "null"
	}
	return jsonOf(v)
}

// withoutNUL replaces escaped NULs. A backslash before the escape means that the text itself says \u0000.
func withoutNUL(text string) string {
	const escaped = `\u0000`
	if !strings.Contains(text, escaped) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], escaped):
			b.WriteString(`\ufffd`)
			i += len(escaped)
		case text[i] == '\\' && i+1 < len(text):
			b.WriteString(text[i : i+2])
			i += 2
		default:
			b.WriteByte(text[i])
			i++
		}
	}
	return b.String()
}
