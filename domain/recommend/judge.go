package recommend

// Figures say how good lists are against what people did later; each is a mean over people.
type Figures struct {
	People int `json:"people"`
	// HitRate is the share of people for whom any item of the list came true, Recall the share of what they did that the
	// list had, MRR the mean of 1 / place of the first item that came true.
	HitRate float64 `json:"hit_rate"`
	Recall  float64 `json:"recall"`
	MRR     float64 `json:"mrr"`
}

// Judge adds one person: a list, and the items she took later, each once. Nobody is added who took none.
func (f *Figures) Judge(list []Scored, later []uint32) {
	if len(later) == 0 {
		return
	}
	wanted := make(map[uint32]bool, len(later))
	for _, item := range later {
		wanted[item] = true
	}
	hits, first := 0, 0
	for i, s := range list {
		if wanted[s.Item] {
			if hits++; first == 0 {
				first = i + 1
			}
		}
	}
	n := float64(f.People)
	mean := func(old, v float64) float64 { return (float64(old*n) + v) / (n + 1) }
	hit, rank := 0.0, 0.0
	if hits > 0 {
		hit, rank = 1, 1/float64(first)
	}
	f.HitRate, f.Recall, f.MRR = mean(f.HitRate, hit), mean(f.Recall, float64(hits)/float64(len(wanted))), mean(f.MRR, rank)
	f.People++
}
