package projections

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/past"
)

// trainee makes the rows of one family after another. It is for one goroutine.
type trainee struct {
	export  *export
	pass    *collection
	decoder *foldDecoder
	counter past.Decode
	records *recordDecoder
	linked  slab

	// The family's events, by stream, then position; its members, by their first; and who they are.
	events  []heldEvent
	members []domain.Alias
	people  []person
	linking linking
	happened
	sources []uint32

	profileOf  []int
	profiled   profiled
	activities []feature.Activity
	vector     []float64
	out        *made
}

func newTrainee(x *export, pass *collection) *trainee {
	t := &trainee{export: x, pass: pass, decoder: newFoldDecoder(x.layout), records: newRecordDecoder()}
	t.happened.of(&x.request.Label)
	if t.plain {
		t.counter = newFoldDecoder(nil).decode
	}
	return t
}

// block makes the rows of some families.
func (t *trainee) block(ctx context.Context, families []*family, out *made) *made {
	t.out = out
	for _, f := range families {
		if ctx.Err() != nil {
			t.out.err = context.Cause(ctx)
			break
		}
		if t.out.err = t.rows(f); t.out.err != nil {
			break
		}
	}
	return t.out
}

func (t *trainee) rows(f *family) error {
	t.events = t.pass.eventsOf(f, t.events[:0])
	t.members = byFirst(f.members, t.events)
	t.people, t.profiled = t.persons(), profiled{}
	var err error
	if t.linking, err = t.linkingOf(); err != nil {
		return err
	}
	t.sources = t.sources[:0]
	for i := range t.events {
		if n := t.events[i].source; !slices.Contains(t.sources, n) {
			t.sources = append(t.sources, n)
		}
	}
	if err := t.gather(); err != nil {
		return err
	}
	if t.export.request.AtDecisions {
		return t.rowsAtDecisions()
	}
	return t.rowsAtDates()
}

func (t *trainee) rowsAtDecisions() error {
	for i := range t.decisions {
		d := &t.decisions[i]
		if !t.export.request.wanted(d.decision.GetPlacement()) || !t.export.asked(d.id) {
			continue
		}
		if err := t.row(&d.moment, d.alias, d); err != nil {
			return err
		}
	}
	return nil
}

// rowsAtDates makes one row a date for every profile of the family that is known then.
func (t *trainee) rowsAtDates() error {
	first := int64(math.MaxInt64)
	for i := range t.events {
		first = min(first, t.events[i].keyMS)
	}
	dates := t.export.dates
	from, _ := slices.BinarySearch(dates, first)
	for _, at := range dates[from:] {
		m := &moment{atMS: at, keyMS: at, inclusive: true}
		done := make([]bool, len(t.people))
		for n := range t.people {
			if done[n] {
				continue
			}
			for _, member := range t.profile(t.people[n].alias, m) {
				done[member] = true
			}
			done[n] = true
			if err := t.row(m, t.people[n].alias, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// row makes one row, or counts why there is none. d is nil at dates.
func (t *trainee) row(m *moment, alias domain.Alias, d *decided) error {
	l := &t.export.request.Label
	members := t.profile(alias, m)
	served := false
	if m.own && t.export.judging == nil {
		// Also when there will be no row: every vector that was served is checked.
		var err error
		if served, err = t.check(members, m); err != nil {
			return err
		}
	}
	var offer *event.Offer
	if d != nil {
		if offer = t.export.offers.of(d.decision); l.OfOffer() && d.decision.GetOffer() == "" {
			t.outside(d)
			return nil
		}
	}
	if !t.meets(members, m) {
		if m.decision != nil || t.anythingKnown(members, m) {
			t.outside(d)
		}
		return nil
	}
	after, until, ok := l.Window(m.atMS, offer.GetValidityMs())
	if !ok {
		t.outside(d)
		return nil
	}
	if m.decision == nil && !t.anythingKnown(members, m) {
		return nil
	}
	whose := label.Decided{Record: m.decision, Attributes: offer.GetAttributes()}
	finished := until <= t.export.sources.covered(t.sources, m.atMS)
	early := !t.export.rule.ReadsFeatures() // what gives no row needs no vector
	if early && !t.counts(nil, whose, finished, d) {
		return nil
	}
	if judging := t.export.judging != nil; !served && (!judging || !early) { // else it is read, or need not be
		if err := t.read(t.export.request.View, members, m); err != nil {
			return err
		}
	}
	if !early && !t.counts(t.vector, whose, finished, d) {
		return nil
	}
	events, micros := t.resolve(members, m, d, after, until)
	if value := l.Value(events, micros); t.export.judging != nil {
		t.out.judged = append(t.out.judged, Judged{Decision: d.id, Value: value})
	} else {
		t.append(members, m, value)
	}
	return nil
}

// counts says whether a moment whose population's conditions hold becomes a row, or counts why not.
func (t *trainee) counts(vector []float64, whose label.Decided, finished bool, d *decided) bool {
	switch {
	case !t.export.rule.Holds(vector, whose):
		t.outside(d)
		return false
	case !finished:
		t.out.end.Unfinished++
		return false
	}
	return true
}

// outside counts a moment that does not belong to the label's population. d is nil at dates.
func (t *trainee) outside(d *decided) {
	t.out.end.Outside++
	if t.export.judging != nil {
		t.out.judged = append(t.out.judged, Judged{Decision: d.id, Outside: true})
	}
}

func (t *trainee) append(members []int, m *moment, value float64) {
	rows := &t.out.rows
	rows.Profiles = append(rows.Profiles, t.people[members[0]].alias)
	rows.AtMS = append(rows.AtMS, m.atMS)
	var id domain.Alias
	if m.decision != nil {
		id, _ = domain.AliasFromBytes(m.decision.GetId())
	}
	rows.Decisions = append(rows.Decisions, id)
	rows.Labels = append(rows.Labels, value)
	rows.Values = append(rows.Values, t.vector...)
}

// read reads a view's vector at a moment.
func (t *trainee) read(v feature.View, members []int, m *moment) error {
	t.activities = t.activities[:0]
	for _, n := range members {
		a, err := t.activity(n, m)
		if err != nil {
			return err
		}
		t.activities = append(t.activities, a)
	}
	at := feature.Moment{NowMS: m.atMS}
	if d := m.decision; d != nil {
		at.Placement, at.Channel, at.Context = d.GetPlacement(), d.GetChannel(), d.GetContext()
	}
	t.vector = v.ReadAt(feature.Merge(t.activities...), at, t.vector[:0])
	return nil
}

// check reads the vector of an own decision again with the view that it was made with; same is true when that is the
// view whose rows are exported.
func (t *trainee) check(members []int, m *moment) (same bool, err error) {
	v := t.export.served[m.decision.GetView()]
	fingerprint := v.Fingerprint()
	if v.Len() == 0 || !bytes.Equal(fingerprint[:], m.decision.GetViewFingerprint()) {
		return false, nil
	}
	if err := t.read(v, members, m); err != nil {
		return false, err
	}
	if !slices.EqualFunc(t.vector, m.decision.GetVector(), func(x, y float64) bool {
		return math.Float64bits(x) == math.Float64bits(y)
	}) {
		t.out.end.Skewed++
	}
	return fingerprint == t.export.request.View.Fingerprint(), nil
}

// decided is a decision of the family, as a moment.
type decided struct {
	moment
	id    domain.Alias
	alias domain.Alias
	// place among the family's decisions, by time.
	place int
}

// decidedOf reads a decision's event.
func (t *trainee) decidedOf(e *heldEvent) (decided, error) {
	r, err := e.frame().Recorded(t.records.decode)
	if err != nil {
		return decided{}, err
	}
	record := r.Event.GetDecision()
	d := decided{moment: moment{
		atMS: domain.TimeOf(r.Event), decision: record, own: !record.GetExternal(), at: e.at,
		keyMS: e.keyMS, source: e.source, seq: e.seq,
	}, alias: t.members[e.member]}
	d.id, _ = domain.AliasFromBytes(record.GetId())
	if !d.own {
		return d, nil
	}
	if requested, err := domain.AliasFromBytes(record.GetRequestedAlias()); err == nil && t.place(requested) >= 0 {
		d.alias = requested
	}
	cut := record.GetCut().GetIdentity()
	t.seen = slices.Grow(t.seen, len(t.people))
	d.to = t.seen[len(t.seen):][:len(t.people):len(t.people)]
	t.seen = t.seen[:len(t.seen)+len(t.people)]
	clear(d.to)
	for n := range d.to {
		d.to[n][domain.Identity] = past.EndOf(cut)
	}
	for _, seen := range record.GetAliases() {
		if a, err := domain.AliasFromBytes(seen.GetAlias()); err == nil && t.place(a) >= 0 {
			d.to[t.place(a)] = past.Positions(seen, cut)
		}
	}
	return d, nil
}

// byTime orders the decisions of a family.
func byTime(x, y decided) int {
	return cmp.Or(cmp.Compare(x.atMS, y.atMS), x.at.Compare(y.at))
}
