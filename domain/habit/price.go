package habit

import (
	"math"
	"slices"
)

// Order is one purchase, as far as its price tells.
type Order struct {
	// Paid is what was paid, Saved what the price was lowered by, in millionths of the currency unit.
	Paid, Saved int64
	// Coupon says that it was lowered, also where by how much is not known.
	Coupon bool
}

// Depth is the share of the full price that was saved; 0 where nothing or nothing known was.
func (o Order) Depth() float64 {
	full := float64(o.Paid) + float64(o.Saved)
	if o.Saved <= 0 || full <= 0 {
		return 0
	}
	return float64(o.Saved) / full
}

func (o Order) lowered() bool { return o.Coupon || o.Saved > 0 }

// Market is what is usual: the habits of all people together, towards which one who is little known is drawn.
type Market struct {
	// Share is the share of orders at a lowered price, Depth the mean depth of those where it is known.
	Share float64 `json:"share"`
	Depth float64 `json:"depth"`
	// Weight is how many orders of her own count as much as what is usual.
	Weight float64 `json:"weight"`
	Orders int     `json:"orders"`
}

// defaultWeight where people do not differ, or too few are known to say.
const defaultWeight = 5.0

// leastOrders a person must have to tell how people differ, and leastPeople how many such there must be.
const (
	leastOrders = 2
	leastPeople = 20
)

// MarketOf is what is usual among people. The weight comes from how much people differ beyond chance: the less they do, the more
// orders it takes to believe that one does (beta-binomial, by moments).
func MarketOf(people [][]Order) Market {
	m := Market{Weight: defaultWeight}
	lowered, deep, depths := 0, 0.0, 0
	for _, orders := range people {
		for _, o := range orders {
			m.Orders++
			if o.lowered() {
				lowered++
			}
			if d := o.Depth(); d > 0 {
				deep, depths = deep+d, depths+1
			}
		}
	}
	if m.Orders > 0 {
		m.Share = float64(lowered) / float64(m.Orders)
	}
	if depths > 0 {
		m.Depth = deep / float64(depths)
	}
	m.Weight = weightOf(people, m.Share)
	return m
}

// weightOf solves var(share of a person) = p(1-p) * (1/n + (1-1/n) * rho), weight = 1/rho - 1.
func weightOf(people [][]Order, p float64) float64 {
	chance := p * (1 - p)
	if chance <= 0 {
		return defaultWeight
	}
	between, within, n := 0.0, 0.0, 0
	for _, orders := range people {
		k := float64(len(orders))
		if k < leastOrders {
			continue
		}
		share := 0.0
		for _, o := range orders {
			if o.lowered() {
				share += 1 / k
			}
		}
		between += float64((share - p) * (share - p))
		within += 1 / k
		n++
	}
	if n < leastPeople {
		return defaultWeight
	}
	spread, noise := between/float64(n)/chance, within/float64(n)
	rho := (spread - noise) / (1 - noise)
	return math.Min(1000, math.Max(0.5, 1/math.Max(rho, 1e-3)-1))
}

// Sensitivity is how much a person waits for a lower price.
type Sensitivity struct {
	// Score is from 0 (never at a lowered price) to 1 (never without), drawn towards what is usual.
	Score float64 `json:"score"`
	// Orders, Lowered and Share are hers alone.
	Orders  int     `json:"orders"`
	Lowered int     `json:"lowered"`
	Share   float64 `json:"share"`
	// Depth is the mean depth of her lowered orders, drawn towards what is usual; Needed the depth that three quarters of
	// her own reached, 0 where none is known: a lesser one is not what moves her.
	Depth  float64 `json:"depth"`
	Needed float64 `json:"needed"`
	// Belief is the part of the score that is her own: orders / (orders + weight).
	Belief float64 `json:"belief"`
}

// SensitivityOf reads a person's orders against what is usual.
func SensitivityOf(orders []Order, usual Market) Sensitivity {
	s := Sensitivity{Orders: len(orders)}
	var depths []float64
	sum := 0.0
	for _, o := range orders {
		if o.lowered() {
			s.Lowered++
		}
		if d := o.Depth(); d > 0 {
			depths, sum = append(depths, d), sum+d
		}
	}
	if s.Orders > 0 {
		s.Share = float64(s.Lowered) / float64(s.Orders)
	}
	weight := math.Max(usual.Weight, 1e-9)
	s.Belief = float64(s.Orders) / (float64(s.Orders) + weight)
	s.Score = (float64(s.Lowered) + float64(weight*usual.Share)) / (float64(s.Orders) + weight)
	s.Depth = (sum + float64(weight*usual.Depth)) / (float64(len(depths)) + weight)
	if len(depths) > 0 {
		slices.Sort(depths)
		s.Needed = depths[len(depths)/4]
	}
	return s
}
