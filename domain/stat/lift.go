package stat

// Lift is one part of the rows, those of the highest scores first.
type Lift struct {
	// Share of all rows down to here, and of the positive rows.
	Share    float64 `json:"share"`
	Captured float64 `json:"captured"`
	// Rate of positive rows in this part, and how many times that is the base rate.
	Rate float64 `json:"rate"`
	Lift float64 `json:"lift"`
	// MeanScore of this part.
	MeanScore float64 `json:"mean_score"`
}

// Lift cuts the rows, by falling score, into parts of equal weight. A score on the border between two parts is shared
// out in proportion, so that the order of tied rows does not matter.
func (s Scored) Lift(parts int) []Lift {
	positives, negatives := s.Totals()
	total := positives + negatives
	if total <= 0 || parts < 1 {
		return nil
	}
	groups := s.groups()
	size := total / float64(parts)
	out := make([]Lift, 0, parts)
	captured := 0.0
	at, used := len(groups)-1, 0.0 // the group at hand, and how much of its weight is given away
	for part := range parts {
		need, positive, scores := size, 0.0, 0.0
		for at >= 0 && need > 0 {
			g := groups[at]
			w := g.positive + g.negative
			take := min(need, w-used)
			if w > 0 {
				positive += g.positive * (take / w)
			}
			scores += float64(take * g.score)
			need -= take
			if used += take; used >= w {
				at, used = at-1, 0
			}
		}
		captured += positive
		rate := positive / size
		out = append(out, Lift{
			Share: float64(part+1) / float64(parts), Captured: captured / positives,
			Rate: rate, Lift: rate / (positives / total), MeanScore: scores / size,
		})
	}
	return out
}
