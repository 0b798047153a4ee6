package lab

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/segment"
)

// rfm groups the customers of transactions.
func rfm(o SegmentOptions) (*SegmentResult, error) {
	t, err := readTransactions(o.TransactionOptions)
	if err != nil {
		return nil, err
	}
	r := &SegmentResult{Columns: []string{"recency_days", "frequency", "monetary"}, Rows: t.rows, LeftOut: &t.left, Warnings: []string{}}
	if !t.valued {
		r.Warnings = append(r.Warnings, "no --value is named: all customers have the same score of money")
	}
	var people []segment.Bought
	for _, b := range t.buyers {
		days, money := t.end-b.occasions[len(b.occasions)-1].Day, 0.0
		for _, x := range b.occasions {
			money += float64(x.Micros) / 1e6
		}
		people = append(people, segment.Bought{Days: float64(days), Purchases: float64(len(b.occasions)), Money: money})
	}
	cuts, err := segment.CutsOf(people)
	if err != nil {
		return nil, err
	}
	r.Definition = segment.Definition{ID: "rfm", RFM: &segment.RFM{Days: "days_since_purchase", Purchases: "purchases_lifetime", Money: "spend_lifetime", Cuts: cuts}}
	r.fillRFM(t.buyers, people, cuts)
	return r, nil
}

// fillRFM fills the groups that have anybody, best first.
func (r *SegmentResult) fillRFM(buyers []buyer, people []segment.Bought, cuts segment.Cuts) {
	members := map[string][]segment.Bought{}
	for _, p := range people {
		name := cuts.Score(p).Name()
		members[name] = append(members[name], p)
	}
	for _, name := range segment.Names() {
		if m := members[name]; len(m) > 0 {
			r.Segments, r.Sizes = append(r.Segments, name), append(r.Sizes, len(m))
			r.Centres = append(r.Centres, medians(m))
		}
	}
	r.K = len(r.Segments)
	for i, p := range people {
		scores := cuts.Score(p)
		days, purchases, money := int(p.Days), int(p.Purchases), p.Money
		r.Assignments = append(r.Assignments, Assignment{
			ID: buyers[i].id, Group: slices.Index(r.Segments, scores.Name()), Segment: scores.Name(), Scores: &scores,
			Days: &days, Purchases: &purchases, Money: &money,
		})
	}
}

func medians(people []segment.Bought) []float64 {
	var columns [3][]float64
	for _, p := range people {
		for i, v := range [3]float64{p.Days, p.Purchases, p.Money} {
			columns[i] = append(columns[i], v)
		}
	}
	out := make([]float64, 3)
	for i, c := range columns {
		slices.Sort(c)
		out[i] = (c[len(c)/2] + c[(len(c)-1)/2]) / 2
	}
	return out
}

// DefinitionOf is the definition in the JSON that `lab segments --json` prints. It fails with ErrFile.
func DefinitionOf(result []byte) (segment.Definition, error) {
	var r struct {
		Definition segment.Definition `json:"definition"`
	}
	if err := json.Unmarshal(result, &r); err != nil {
		return segment.Definition{}, fmt.Errorf("%w: %w", ErrFile, problem.InJSON(err))
	}
	return r.Definition, nil
}
