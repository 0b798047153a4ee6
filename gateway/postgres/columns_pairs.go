package postgres

import (
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

type pairRow = projections.PairRow

func pairTable() table[pairRow] {
	return table[pairRow]{name: "identity_pairs", key: []string{"alias", "other"}, columns: columnsOf(pairFields())}
}

// pairFields are all the columns of a pair.
func pairFields() []field[pairRow] {
	return slices.Concat([]field[pairRow]{
		uuidField("alias", func(r *pairRow) *domain.Alias { return &r.Alias }),
		uuidField("other", func(r *pairRow) *domain.Alias { return &r.Other }),
		textField("alias_type", func(r *pairRow) *string { return &r.AliasType }),
		textField("other_type", func(r *pairRow) *string { return &r.OtherType }),
	}, claimFields(), proposalFields(), reviewFields(), barFields())
}

func claimFields() []field[pairRow] {
	claimed := func(r *pairRow) bool { return !r.Claim.First.IsZero() }
	return slices.Concat([]field[pairRow]{
		{
			column[pairRow]{"links", oidInt4, func(b []byte, r *pairRow) []byte { return int4Cell(b, r.Claim.Links) }},
			"links", func(r *pairRow) any { return &r.Claim.Links },
		},
		boolField("withheld", func(r *pairRow) *bool { return &r.Claim.Withheld }, claimed),
		textField("rule", func(r *pairRow) *string { return &r.Claim.Rule }),
		textField("changed_by", func(r *pairRow) *string { return &r.Claim.ChangedBy }),
		textField("actor", func(r *pairRow) *string { return &r.Claim.Actor }),
		textField("reason", func(r *pairRow) *string { return &r.Claim.Reason }),
		textField("guard", func(r *pairRow) *string { return &r.Claim.Guard }),
		textField("guard_type", func(r *pairRow) *string { return &r.Claim.GuardType }),
	},
		momentFields("claimed", func(r *pairRow) *projections.Moment { return &r.Claim.First }),
		momentFields("changed", func(r *pairRow) *projections.Moment { return &r.Claim.Last }),
		matchFields("", claimed, func(r *pairRow) *projections.Match { return &r.Claim.Match }))
}

func proposalFields() []field[pairRow] {
	proposed := func(r *pairRow) bool { return !r.Proposal.At.IsZero() }
	return slices.Concat(
		momentFields("proposed", func(r *pairRow) *projections.Moment { return &r.Proposal.At }),
		[]field[pairRow]{boolField("proposal_open", func(r *pairRow) *bool { return &r.Proposal.Open }, proposed)},
		matchFields("proposed_", proposed, func(r *pairRow) *projections.Match { return &r.Proposal.Match }))
}

// matchFields are those of a claim's or a proposal's evidence.
func matchFields(prefix string, known func(*pairRow) bool, of func(*pairRow) *projections.Match) []field[pairRow] {
	weighed := func(r *pairRow) bool { return of(r).WaterfallJSON != "" }
	return []field[pairRow]{
		floatField(prefix+"posterior", func(r *pairRow) *float64 { return &of(r).Posterior }, known),
		uuidField(prefix+"message", func(r *pairRow) *domain.Alias { return &of(r).Message }),
		jsonField(prefix+"evidence", func(r *pairRow) *string { return &of(r).EvidenceJSON }),
		textField(prefix+"model", func(r *pairRow) *string { return &of(r).Model }),
		versionField(prefix+"model_version", func(r *pairRow) *uint64 { return &of(r).ModelVersion }),
		floatField(prefix+"weight_bits", func(r *pairRow) *float64 { return &of(r).WeightBits }, weighed),
		jsonField(prefix+"waterfall", func(r *pairRow) *string { return &of(r).WaterfallJSON }),
	}
}

func reviewFields() []field[pairRow] {
	reviewed := func(r *pairRow) bool { return !r.Review.At.IsZero() }
	return append(momentFields("reviewed", func(r *pairRow) *projections.Moment { return &r.Review.At }),
		boolField("confirmed", func(r *pairRow) *bool { return &r.Review.Confirmed }, reviewed),
		floatField("reviewed_posterior", func(r *pairRow) *float64 { return &r.Review.Posterior }, reviewed),
		textField("reviewed_model", func(r *pairRow) *string { return &r.Review.Model }),
		versionField("reviewed_model_version", func(r *pairRow) *uint64 { return &r.Review.ModelVersion }),
		textField("reviewer", func(r *pairRow) *string { return &r.Review.Actor }),
		textField("review_reason", func(r *pairRow) *string { return &r.Review.Reason }))
}

func barFields() []field[pairRow] {
	said := func(r *pairRow) bool { return !r.Bar.At.IsZero() }
	return append(momentFields("bar", func(r *pairRow) *projections.Moment { return &r.Bar.At }),
		boolField("bar_lifted", func(r *pairRow) *bool { return &r.Bar.Lifted }, said),
		textField("bar_rule", func(r *pairRow) *string { return &r.Bar.Rule }),
		textField("bar_actor", func(r *pairRow) *string { return &r.Bar.Actor }),
		textField("bar_reason", func(r *pairRow) *string { return &r.Bar.Reason }))
}
