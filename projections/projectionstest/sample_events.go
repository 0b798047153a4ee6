package projectionstest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Sample draws events of every kind about a number of people, some with several aliases, from a seed: the same seed
// gives the same events. What it draws is sound but hostile: times far away, amounts at the border, NUL in texts,
// events of a later version, links taken back, decisions about nobody.
type Sample struct {
	random *rand.Rand
	people int
	drawn  uint64
}

// SampleStart is when the first event of a Sample happens.
func SampleStart() time.Time { return time.Date(2024, 11, 20, 12, 0, 0, 0, time.UTC) }

// NewSample draws from a seed about that many aliases.
func NewSample(seed uint64, aliases int) *Sample {
	return &Sample{random: rand.New(rand.NewPCG(seed, 1)), people: aliases}
}

// Alias is one of the sample's aliases.
func (s *Sample) Alias(n int) domain.Alias {
	var random [10]byte
	binary.BigEndian.PutUint64(random[:], uint64(n)*0x9e3779b97f4a7c15)
	return domain.NewAlias(SampleStart().Add(time.Duration(n)*time.Second), random)
}

func (s *Sample) someone() domain.Alias { return s.Alias(s.random.IntN(s.people)) }

func (s *Sample) id() []byte {
	s.drawn++
	var random [10]byte
	binary.BigEndian.PutUint64(random[:], s.drawn)
	id := domain.NewAlias(SampleStart(), random)
	return id[:]
}

// Next draws an event and its lane.
func (s *Sample) Next() (domain.Lane, *event.Event) {
	a := s.someone()
	at := SampleStart().Add(time.Duration(s.drawn) * 17 * time.Minute).UnixMilli()
	e := &event.Event{
		Id: s.id(), Alias: a[:], AliasType: "user_id", OccurredMs: at, ReceivedMs: at + 250,
		Source: "import:sample/events.csv", SourceSeq: s.drawn << 8, Channel: pick(s.random, "", "web", "mobile"),
	}
	if s.random.IntN(50) == 0 {
		e.OccurredMs = pick[int64](s.random, 0, -1, math.MaxInt64, math.MinInt64, 1)
	}
	stream := s.fill(e)
	switch stream {
	case domain.Policy:
		e.Alias, e.AliasType = nil, ""
		return domain.PolicyLane("policy", "sample"), e
	case domain.Quarantine:
		e.Alias, e.AliasType = nil, ""
		return domain.QuarantineLane(e.Source), e
	}
	return domain.LaneOf(stream, a, 2), e
}

func (s *Sample) fill(e *event.Event) domain.Stream {
	switch n := s.random.IntN(100); {
	case n < 50:
		s.fillBehaviour(e)
		return domain.Behaviour
	case n < 65:
		s.fillIdentity(e)
		return domain.Identity
	case n < 80:
		e.Body = &event.Event_Decision{Decision: s.decision(e)}
		return domain.Decision
	case n < 93:
		s.fillOutcome(e)
		return domain.Outcome
	case n < 96:
		s.fillPolicy(e)
		return domain.Policy
	case n < 99:
		s.fillQuarantine(e)
		return domain.Quarantine
	}
	return s.fillUnknown(e)
}

func (s *Sample) fillBehaviour(e *event.Event) {
	item := fmt.Sprintf("item-%d", s.random.IntN(20))
	line := &event.Line{Item: item, Category: "c\x00" + item, QuantityMilli: 1500, AmountMicros: s.amount()}
	switch s.random.IntN(7) {
	case 5:
		e.Body = &event.Event_SegmentEntered{SegmentEntered: &event.SegmentEntered{
			Definition: pick(s.random, "tags", "rfm\x00"), Segment: pick(s.random, "rich", "gone"), Version: uint64(1 + s.random.IntN(3)),
		}}
	case 6:
		e.Body = &event.Event_SegmentLeft{SegmentLeft: &event.SegmentLeft{
			Definition: pick(s.random, "tags", "rfm\x00"), Segment: pick(s.random, "rich", "gone"), Version: uint64(1 + s.random.IntN(3)),
		}}
	case 0:
		e.Body = &event.Event_Viewed{Viewed: &event.Viewed{Kind: event.Viewed_KIND_ITEM, Name: "home", Line: line}}
	case 1:
		e.Body = &event.Event_Carted{Carted: &event.Carted{Line: line}}
	case 2:
		e.Body = &event.Event_Purchased{Purchased: &event.Purchased{
			AmountMicros: s.amount(), Currency: pick(s.random, "", "EUR", "EUR", "USD"), Order: fmt.Sprint("o", s.drawn),
			Coupon: s.random.IntN(2) == 0, Lines: []*event.Line{line, {Item: "second"}},
		}}
	case 3:
		e.Body = &event.Event_Refunded{Refunded: &event.Refunded{AmountMicros: s.amount(), Currency: "EUR", Lines: []*event.Line{line}}}
	default:
		e.Body = &event.Event_Tracked{Tracked: &event.Tracked{Name: pick(s.random, "rated", "shared", "\x00")}}
	}
}

func (s *Sample) amount() int64 {
	return pick[int64](s.random, 0, 1, 9_990_000, 123_456_789, -5_000_000, math.MaxInt64>>20)
}

func (s *Sample) decision(e *event.Event) *event.Decision {
	d := &event.Decision{
		Id: s.id(), NowMs: e.OccurredMs, Profile: e.Alias, RequestedAlias: e.Alias, Placement: "home", Channel: "web",
		Context: []*event.ContextValue{
			{Name: "hour", Value: &event.ContextValue_Number{Number: 13.5}},
			{Name: "odd\x00", Value: &event.ContextValue_Number{Number: math.NaN()}},
			{Name: "page", Value: &event.ContextValue_Text{Text: `\u0000` + "\x00"}},
			{Name: "vip", Value: &event.ContextValue_Flag{Flag: true}},
		},
		Policy: "sample", PolicyVersion: 1, PolicyDigest: []byte{1}, View: "core@1", ViewFingerprint: []byte{2},
		Reason: "NO_ELIGIBLE_OFFER", LoggedPropensity: 1,
		Candidates: []*event.Candidate{
			{Offer: "ten", Treatment: "t", Propensity: 0.25, Value: 4, Weight: 1, ExpectedValue: 1, Draw: math.MaxUint64},
			{Offer: "bogo", Stage: "ELIGIBILITY", Rule: "adults", Reason: "RULE_REFUSED", Propensity: math.NaN(), Value: math.Inf(1)},
		},
	}
	if s.random.IntN(3) > 0 {
		d.Offer, d.Treatment, d.Category, d.Reason = "ten", "t", "discount", "OFFERED"
	}
	if s.random.IntN(3) == 0 {
		d.External, d.Candidates, d.Context, d.Policy, d.PolicyVersion, d.PolicyDigest = true, nil, nil, "", 0, nil
	}
	return d
}

func (s *Sample) fillOutcome(e *event.Event) {
	of := &event.OutcomeOf{Offer: "ten", Treatment: "t", Placement: "home"}
	if s.random.IntN(2) == 0 {
		of.Decision = s.id()
	}
	switch s.random.IntN(4) {
	case 0:
		e.Body = &event.Event_Delivered{Delivered: &event.Delivered{Of: of}}
	case 1:
		e.Body = &event.Event_Exposed{Exposed: &event.Exposed{Of: of}}
	case 2:
		e.Body = &event.Event_Clicked{Clicked: &event.Clicked{Of: of}}
	default:
		e.Body = &event.Event_Converted{Converted: &event.Converted{Of: of, ValueMicros: s.amount(), CostMicros: 2_000_000}}
	}
}

func (s *Sample) fillPolicy(e *event.Event) {
	offer := &event.Offer{
		Id: pick(s.random, "ten", "bogo", "long"+string(make([]byte, 3000))), Description: "ten off", Category: "discount", Propensity: "0.25", Value: "4",
		Eligibility: []*event.Rule{{Name: "adults", When: "features.age > 17"}},
		Treatments:  []*event.Treatment{{Id: "t", Channel: "web", Content: map[string]string{"title": "Ten\x00", "a": "b"}}},
		Attributes:  map[string]string{"reward": "10", "type": "bogo"}, ValidityMs: pick[int64](s.random, 0, 86_400_000, math.MaxInt64),
	}
	switch s.random.IntN(4) {
	case 0:
		e.Body = &event.Event_OfferDefined{OfferDefined: &event.OfferDefined{Offer: offer}}
	case 1:
		e.Body = &event.Event_PolicyPublished{PolicyPublished: &event.PolicyPublished{
			Version: uint64(1 + s.random.IntN(3)), Source: "id: sample\n",
			Policy: &event.Policy{Id: "sample", View: "core@1", Holdout: 0.1, Offers: []*event.Offer{offer}},
		}}
	case 2:
		kind := event.DefinitionWithdrawn_Kind(s.random.IntN(6)) // one of them of a later version
		e.Body = &event.Event_DefinitionWithdrawn{DefinitionWithdrawn: &event.DefinitionWithdrawn{
			Kind: kind, Name: pick(s.random, "sample", "core@1", "no\x00use"), Version: pick[uint64](s.random, 0, 1, math.MaxUint64), Reason: "of no use\x00",
		}}
	default:
		e.Body = &event.Event_FeatureViewPublished{FeatureViewPublished: &event.FeatureViewPublished{
			Name: "core@1", Fingerprint: []byte{7}, SpecsJson: []byte(pick(s.random, `[{"name":"views_1d"}]`, "no JSON", `"\ud800"`)),
		}}
	}
}

func (s *Sample) fillQuarantine(e *event.Event) {
	if s.random.IntN(3) > 0 {
		e.Body = &event.Event_Quarantined{Quarantined: &event.Quarantined{Reason: "NO_ID", Field: "userId", Message: "missing", Format: "segment"}}
		e.Id = s.quarantineID()
		return
	}
	e.Body = &event.Event_QuarantineResolved{QuarantineResolved: &event.QuarantineResolved{Of: s.quarantineID(), Replayed: s.random.IntN(2) == 0, Note: "fixed"}}
}

func (s *Sample) quarantineID() []byte {
	id := s.Alias(1_000_000 + s.random.IntN(10))
	return id[:]
}

// fillUnknown makes an event of a later version, in any stream.
func (s *Sample) fillUnknown(e *event.Event) domain.Stream {
	const fieldOfALaterVersion = 0x7d2 // number 250, length-delimited
	unknown := binary.AppendUvarint(nil, fieldOfALaterVersion)
	unknown = append(unknown, 2, 'h', 'i')
	b, err := proto.Marshal(e)
	if err != nil {
		panic("projectionstest: " + err.Error())
	}
	if err := proto.Unmarshal(append(b, unknown...), e); err != nil {
		panic("projectionstest: " + err.Error())
	}
	return pick(s.random, domain.AllStreams()...)
}

func pick[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// Fill appends that many events of the sample to a log, in envelopes of up to 40 events of one lane each.
func (s *Sample) Fill(log *StreamLog, events int) {
	waiting := map[domain.Lane][]*event.Event{}
	for range events {
		lane, e := s.Next()
		waiting[lane] = append(waiting[lane], e)
		if len(waiting[lane]) > s.random.IntN(40) {
			log.Append(lane, waiting[lane]...)
			waiting[lane] = nil
		}
	}
	for _, s := range domain.AllStreams() {
		for _, lane := range lanesOf(waiting, s) {
			log.Append(lane, waiting[lane]...)
		}
	}
}

// lanesOf lists the lanes of a stream that have events waiting, in order.
func lanesOf(waiting map[domain.Lane][]*event.Event, s domain.Stream) []domain.Lane {
	var lanes []domain.Lane
	for lane, events := range waiting {
		if lane.Stream == s && len(events) > 0 {
			lanes = append(lanes, lane)
		}
	}
	slices.SortFunc(lanes, func(a, b domain.Lane) int { return strings.Compare(a.Key, b.Key) })
	return lanes
}
