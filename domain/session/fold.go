package session

import (
	"cmp"
	"maps"
	"slices"
)

const day = 24 * 60 * 60 * 1000

// Rules bound what counts. The zero value counts nothing; see Default.
type Rules struct {
	// LateMS: a hit that was received more than this after it happened is left out.
	LateMS int64
	// LongestMS: a session ends this long after its first hit was received; later ones are left out and it is cut.
	LongestMS int64
}

// Default is three days for both.
func Default() Rules { return Rules{LateMS: 3 * day, LongestMS: 3 * day} }

// View is a page that was seen, by its session's visitor. Of several hits that open the same view the earliest counts.
type View struct {
	ID, Hit, Session, Visitor, User string
	OccurredMS                      int64
	// Index is its place among the views of its session, from 1.
	Index int
}

// Session is what a visitor did between coming and going. It is one only if a page was opened or looked at in it.
type Session struct {
	// Visitor and User are those of the first hit at a page.
	ID, Visitor, User string
	// Stitched is the visitor's latest user; empty when the visitor is unknown.
	Stitched string
	// StartMS and EndMS are when its first and last hit happened.
	StartMS, EndMS int64
	// Views are different pages that were opened or looked at; Hits are all hits that name a page.
	Views, Hits int
	// Cut: it went on for longer than the rules allow.
	Cut bool
}

// Visitor is a device that had sessions.
type Visitor struct {
	// User is that of its first session, Stitched the latest that it had.
	ID, User, Stitched string
	Sessions, Views    int
	StartMS, EndMS     int64
}

// Left counts hits that were left out, each once, by the first reason that applies.
type Left struct {
	Repeated  int `json:"repeated"`
	Late      int `json:"late"`
	NoSession int `json:"no_session"`
	TooLong   int `json:"too_long"`
	NoView    int `json:"no_view"`
}

// Result is what the hits amount to: each list in the order of time, then of ids.
type Result struct {
	Views    []View
	Sessions []Session
	Visitors []Visitor
	Left     Left
}

// Fold makes views, sessions and visitors of hits.
func Fold(rules Rules, hits []Hit) Result {
	var r Result
	kept := once(hits)
	r.Left.Repeated = len(hits) - len(kept)
	kept, cut := r.bounded(rules, kept)
	slices.SortFunc(kept, byTime)
	of := map[string][]Hit{}
	for _, h := range kept {
		of[h.Session] = append(of[h.Session], h)
	}
	users := latestUsers(kept)
	for _, id := range slices.Sorted(maps.Keys(of)) {
		s, views, is := sessionOf(id, of[id])
		if !is {
			continue
		}
		s.Stitched, s.Cut = users[s.Visitor], cut[id]
		r.Sessions, r.Views = append(r.Sessions, s), append(r.Views, views...)
	}
	slices.SortStableFunc(r.Sessions, func(a, b Session) int { return cmp.Compare(a.StartMS, b.StartMS) })
	slices.SortStableFunc(r.Views, func(a, b View) int { return cmp.Compare(a.OccurredMS, b.OccurredMS) })
	r.Views = r.firstOfEach()
	r.Visitors = visitorsOf(r.Sessions)
	return r
}

// bounded leaves out what is late, belongs to no session, comes too late in one, or names no page; hits are in the
// order of arrival. cut are the sessions of which something came too late.
func (r *Result) bounded(rules Rules, hits []Hit) (kept []Hit, cut map[string]bool) {
	began, cut := map[string]int64{}, map[string]bool{}
	for _, h := range hits {
		if h.Session == "" {
			r.Left.NoSession++
			continue
		}
		if h.ReceivedMS-h.OccurredMS > rules.LateMS {
			r.Left.Late++
			continue
		}
		first, known := began[h.Session]
		if !known {
			first, began[h.Session] = h.ReceivedMS, h.ReceivedMS
		}
		switch {
		case h.ReceivedMS-first > rules.LongestMS:
			r.Left.TooLong++
			cut[h.Session] = true
		case h.View == "":
			r.Left.NoView++
		default:
			kept = append(kept, h)
		}
	}
	return kept, cut
}

// latestUsers are the last user of each visitor; hits are in the order of time.
func latestUsers(hits []Hit) map[string]string {
	users := map[string]string{}
	for _, h := range hits {
		if h.Visitor != "" && h.User != "" {
			users[h.Visitor] = h.User
		}
	}
	return users
}

// sessionOf folds the hits of one session, in the order of time; false when no page was opened or looked at.
func sessionOf(id string, hits []Hit) (s Session, views []View, is bool) {
	s = Session{ID: id, StartMS: hits[0].OccurredMS, EndMS: hits[len(hits)-1].OccurredMS, Hits: len(hits)}
	seen := map[string]bool{}
	opened := map[string]bool{}
	for _, h := range hits {
		if h.Kind == Other {
			continue
		}
		if !is {
			s.Visitor, s.User, is = h.Visitor, h.User, true
		}
		seen[h.View] = true
		if h.Kind == Page && !opened[h.View] {
			opened[h.View] = true
			views = append(views, View{
				ID: h.View, Hit: h.ID, Session: id, Visitor: s.Visitor, User: h.User, OccurredMS: h.OccurredMS, Index: len(views) + 1,
			})
		}
	}
	s.Views = len(seen)
	return s, views, is
}

// firstOfEach keeps the earliest of the views that have one id in several sessions.
func (r *Result) firstOfEach() []View {
	seen := map[string]bool{}
	return slices.DeleteFunc(r.Views, func(v View) bool {
		repeated := seen[v.ID]
		seen[v.ID] = true
		return repeated
	})
}

// visitorsOf sums sessions up, which are in the order of their start. Sessions of unknown visitors are nobody's.
func visitorsOf(sessions []Session) []Visitor {
	var all []Visitor
	at := map[string]int{}
	for _, s := range sessions {
		if s.Visitor == "" {
			continue
		}
		i, known := at[s.Visitor]
		if !known {
			i = len(all)
			at[s.Visitor] = i
			all = append(all, Visitor{ID: s.Visitor, User: s.User, Stitched: s.Stitched, StartMS: s.StartMS, EndMS: s.EndMS})
		}
		v := &all[i]
		v.Sessions++
		v.Views += s.Views
		v.EndMS = max(v.EndMS, s.EndMS)
	}
	return all
}
