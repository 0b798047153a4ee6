package stat

// Reliability is one bin of scores: what was said, and what happened.
type Reliability struct {
	Weight float64 `json:"weight"`
	Mean   float64 `json:"mean_score"`
	Rate   float64 `json:"rate"`
}

// Bins of scores in ECE, unless said otherwise.
const ECEBins = 10

// Reliabilities sorts probabilities into bins of equal width over [0, 1], the upper end belonging to the last, and
// leaves the empty ones out.
func (s Scored) Reliabilities(bins int) []Reliability {
	said, happened, weight := make([]float64, bins), make([]float64, bins), make([]float64, bins)
	for i, p := range s.P {
		b := min(max(int(p*float64(bins)), 0), bins-1)
		w := s.weight(i)
		weight[b] += w
		said[b] += float64(w * p)
		if s.Y[i] {
			happened[b] += w
		}
	}
	out := make([]Reliability, 0, bins)
	for b, w := range weight {
		if w > 0 {
			out = append(out, Reliability{w, said[b] / w, happened[b] / w})
		}
	}
	return out
}

// ECE is the expected calibration error over bins of equal width: the weighted mean distance between the mean score
// of a bin and the rate in it.
func (s Scored) ECE(bins int) float64 { return calibrationError(s.Reliabilities(bins)) }

func calibrationError(bins []Reliability) float64 {
	sum, weight := 0.0, 0.0
	for _, b := range bins {
		sum += float64(b.Weight * max(b.Mean-b.Rate, b.Rate-b.Mean))
		weight += b.Weight
	}
	return sum / weight
}
