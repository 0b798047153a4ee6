package rpc

import (
	"errors"
	"math"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

var errWhichIdentity = errors.New(`identity is "now" or a position of IDENTITY (IDENTITY/sequence)`)

// identityCut reads under which identity a decision is to be looked at; nothing is the one known then.
func identityCut(text string) (uint64, error) {
	switch text {
	case "":
		return 0, nil
	case "now":
		return decider.Latest, nil
	}
	place, err := domain.ParsePlace(text)
	if err != nil || place.Stream != domain.Identity {
		return 0, errWhichIdentity
	}
	return place.Position.Sequence, nil
}

func comparisonOf(s decider.Supposed) *profferv1.IdentityComparison {
	out := &profferv1.IdentityComparison{
		Then: knownOf(s.Then), Now: knownOf(s.Now), Different: s.Different(),
		Offer: s.Again.GetOffer(), Treatment: s.Again.GetTreatment(), Reason: s.Again.GetReason(),
		HeldOut: s.Again.GetHeldOut(), Contacts: s.Contacts(), Summary: s.Summary(),
		Consents: consentsSeen(s.Again.GetConsents()),
	}
	for _, f := range s.Features {
		changed := &profferv1.ChangedFeature{Name: f.Name}
		changed.ThenMissing, changed.Then = missingOr(f.Then)
		changed.NowMissing, changed.Now = missingOr(f.Now)
		out.Features = append(out.Features, changed)
	}
	for _, d := range s.Differences {
		out.Differences = append(out.Differences, &profferv1.Difference{
			DecisionId: aliasText(s.Record.GetId()), Position: placeOf(s.Logged),
			From: d.From, Field: d.Field, Recorded: d.Recorded, Replayed: d.Replayed,
		})
	}
	return out
}

func knownOf(k decider.Known) *profferv1.KnownIdentity {
	out := &profferv1.KnownIdentity{Position: sequenceText(k.Cut)}
	for _, alias := range k.Aliases {
		out.Aliases = append(out.Aliases, alias.String())
	}
	if len(out.Aliases) > 0 {
		out.Profile = out.Aliases[0]
	}
	return out
}

// missingOr takes a feature's value apart: JSON has no number for a missing one.
func missingOr(v float64) (missing bool, value float64) {
	if math.IsNaN(v) {
		return true, 0
	}
	return false, v
}
