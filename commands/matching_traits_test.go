package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity/match"
)

// pages is a log of IDENTITY in memory, one event an envelope, and a vault whose keys all are the same.
type pages struct {
	History
	Vault
	envelopes []domain.Envelope
}

// At implements History.
func (p *pages) At(_ context.Context, _ domain.Stream, sequence uint64) (domain.Envelope, error) {
	return p.envelopes[sequence-1], nil
}

// DataKeys implements Vault.
func (p *pages) DataKeys(_ context.Context, aliases []domain.Alias) ([]Key, error) {
	return make([]Key, len(aliases)), nil
}

// append adds an event and takes it into the traits.
func (p *pages) append(t testing.TB, traits *traitLog, e *event.Event) {
	t.Helper()
	frame, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	at := domain.Position{Sequence: uint64(len(p.envelopes) + 1)}
	p.envelopes = append(p.envelopes, domain.Envelope{Sequence: at.Sequence, Frames: [][]byte{frame}})
	traits.observe(domain.Recorded{At: at, Event: e})
}

func (p *pages) clear(t testing.TB, traits *traitLog, aliases ...domain.Alias) [][]trait {
	t.Helper()
	clear, err := clearTraits{history: p, vault: p, traits: traits}.read(context.Background(), aliases)
	if err != nil {
		t.Fatal(err)
	}
	return clear
}

// sealedTraits is a trait event as ingest would append it.
func sealedTraits(t testing.TB, alias domain.Alias, occurredMS int64, traits map[string]any) *event.Event {
	t.Helper()
	plain, err := json.Marshal(traits)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSealer(&Key{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range traits {
		names = append(names, name)
	}
	return &event.Event{
		Alias: alias[:], AliasType: "crm_id", OccurredMs: occurredMS, Sealed: s.seal(new(sealRoom), nonce{1}, alias[:], plain),
		Body: &event.Event_TraitsChanged{TraitsChanged: &event.TraitsChanged{Names: names}},
	}
}

// The traits of an alias are the latest of each name by when they happened, whatever the order of their arrival, and
// only events that tell one of them are kept.
func TestTraitsAreTheLatestOfEachName(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log, traits := &pages{}, newTraitLog()
		alias := domain.NewAlias(time.UnixMilli(1), [10]byte{1})
		type told struct {
			at    int64
			value string
		}
		want := map[string]told{}
		for i := range rapid.IntRange(1, 8).Draw(rt, "events") {
			at := rapid.Int64Range(1, 4).Draw(rt, "at")
			said := map[string]any{}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID[string]).Draw(rt, "names") {
				value := fmt.Sprint(i)
				said[name] = value
				if known, ok := want[name]; !ok || at >= known.at {
					want[name] = told{at, value}
				}
			}
			log.append(t, traits, sealedTraits(t, alias, at, said))
		}
		clear := log.clear(t, traits, alias)
		got := map[string]string{}
		for _, tr := range clear[0] {
			got[tr.name] = tr.value
		}
		values := map[string]string{}
		for name, told := range want {
			values[name] = told.value
		}
		if diff := gocmp.Diff(values, got); diff != "" {
			rt.Errorf("traits (-want +got):\n%s", diff)
		}
		if s := traits.of[alias]; s != nil && len(s.list) > len(want) {
			rt.Errorf("%d events are kept for %d names", len(s.list), len(want))
		}
	})
}

func TestTraitsAreReadThroughTheirNesting(t *testing.T) {
	t.Parallel()
	v, err := jsontext.Parse([]byte(`{"address":{"city":"Lisbon","lines":["a",{"of":"b"},["c"]],"zip":1000},"on":true,"none":null,"empty":{}}`), MaxDepth)
	if err != nil {
		t.Fatal(err)
	}
	var got []trait
	for name, value := range v.Members() {
		got = flatten(got, string(name), value)
	}
	want := []trait{
		{"address.city", "Lisbon"}, {"address.lines", "a"}, {"address.lines.of", "b"}, {"address.lines", "c"},
		{"address.zip", "1000"}, {"on", "true"},
	}
	if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(trait{})); diff != "" {
		t.Errorf("traits (-want +got):\n%s", diff)
	}
}

func TestTraitsThatDoNotOpenAreLeftOut(t *testing.T) {
	t.Parallel()
	log, traits := &pages{}, newTraitLog()
	aliases := []domain.Alias{domain.NewAlias(time.UnixMilli(1), [10]byte{1}), domain.NewAlias(time.UnixMilli(2), [10]byte{2})}
	first := sealedTraits(t, aliases[0], 1, map[string]any{"name": "x"})
	second := sealedTraits(t, aliases[1], 1, map[string]any{"name": "y"})
	first.Sealed = second.GetSealed() // moved to somebody else
	log.append(t, traits, first)
	log.append(t, traits, second)
	clear := log.clear(t, traits, aliases...)
	if len(clear[0]) != 0 || !slices.Equal(clear[1], []trait{{"name", "y"}}) {
		t.Errorf("got %d and %d traits", len(clear[0]), len(clear[1]))
	}
}

func TestAnEvenShareIsDrawn(t *testing.T) {
	t.Parallel()
	var aliases []domain.Alias
	for i := range 1000 {
		aliases = append(aliases, domain.NewAlias(time.UnixMilli(int64(i)), [10]byte{byte(i), byte(i >> 8)}))
	}
	kept := share(slices.Clone(aliases), 100)
	if len(kept) != 100 || !slices.IsSortedFunc(kept, func(a, b domain.Alias) int { return cmp.Compare(a.String(), b.String()) }) {
		t.Errorf("%d are kept", len(kept))
	}
	if early := len(slices.DeleteFunc(kept, func(a domain.Alias) bool { return a.Compare(aliases[500]) >= 0 })); early < 30 || early > 70 {
		t.Errorf("%d of 100 are of the first half", early)
	}
}

func TestASightingIsABlockAModelAndAWindow(t *testing.T) {
	t.Parallel()
	sighting := func(ip, device, agent string, at time.Duration) (uint64, bool) {
		plain := fmt.Sprintf(`{"$context":{"ip":%q,"userAgent":%q,"device":{"model":%q}}}`, ip, agent, device)
		return sightingIn([]byte(plain), (1000*sightingWindow).Milliseconds()+at.Milliseconds())
	}
	home, ok := sighting("203.0.113.7", "Pixel 8", "", 0)
	if !ok {
		t.Fatal("a public address and a model tell nothing")
	}
	for name, c := range map[string]struct {
		ip, device, agent string
		at                time.Duration
		same, tells       bool
	}{
		"a neighbour":        {"203.0.113.250", "Pixel 8", "Browser/1", 5 * time.Hour, true, true},
		"mapped into IPv6":   {"::ffff:203.0.113.7", "Pixel 8", "", 0, true, true},
		"only a browser":     {"203.0.113.7", "", "Pixel 8", 0, true, true},
		"another block":      {"203.0.114.7", "Pixel 8", "", 0, false, true},
		"another model":      {"203.0.113.7", "Pixel 9", "", 0, false, true},
		"another window":     {"203.0.113.7", "Pixel 8", "", 6 * time.Hour, false, true},
		"IPv6":               {"2001:db8:1:2::3", "Pixel 8", "", 0, false, true},
		"a private address":  {"192.168.1.2", "Pixel 8", "", 0, false, false},
		"the machine itself": {"127.0.0.1", "Pixel 8", "", 0, false, false},
		"a link's own":       {"fe80::1%eth0", "Pixel 8", "", 0, false, false},
		"no address":         {"somewhere", "Pixel 8", "", 0, false, false},
		"no model":           {"203.0.113.7", "", "", 0, false, false},
	} {
		token, tells := sighting(c.ip, c.device, c.agent, c.at)
		if tells != c.tells || (token == home) != c.same {
			t.Errorf("%s: tells %v, the same as home %v", name, tells, token == home)
		}
	}
	a, _ := sighting("2001:db8:1:2::3", "Pixel 8", "", 0)
	b, _ := sighting("2001:db8:1:ffff::9", "Pixel 8", "", 0)
	if a != b {
		t.Error("two addresses of one /48 differ")
	}
}

func TestTheLatestSightingsAreKept(t *testing.T) {
	t.Parallel()
	s, a := newSightings(), domain.NewAlias(time.UnixMilli(1), [10]byte{})
	for i := range uint64(100) {
		if fresh, _ := s.add(a, "anonymous_id", i); !fresh {
			t.Errorf("sighting %d is not new", i)
		}
	}
	if fresh, _ := s.add(a, "anonymous_id", 99); fresh {
		t.Error("a sighting is new twice")
	}
	if d := s.find(a); len(d.tokens) != match.MaxValues || d.tokens[0] != 100-match.MaxValues {
		t.Errorf("%d are kept, the first is %d", len(d.tokens), d.tokens[0])
	}
}

func TestRecentRecordsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRecent(2)
	aliases := make([]domain.Alias, 3)
	for i := range aliases {
		aliases[i] = domain.NewAlias(time.UnixMilli(int64(i+1)), [10]byte{})
		r.put(match.Prepared{ID: aliases[i]})
		r.find(aliases[0])
	}
	for i, want := range []bool{true, false, true} {
		if _, kept := r.find(aliases[i]); kept != want {
			t.Errorf("record %d is kept: %v", i, kept)
		}
	}
	r.drop(aliases[0])
	if _, kept := r.find(aliases[0]); kept || r.order.Len() != 1 {
		t.Error("a dropped record is kept")
	}
}

func FuzzSighting(f *testing.F) {
	f.Add([]byte(`{"$context":{"ip":"203.0.113.7","device":{"model":"Pixel 8"}}}`), int64(0))
	f.Add([]byte(`{"$context":{"ip":"2001:db8::1","userAgent":"Browser/1"}}`), int64(-1))
	f.Add([]byte(`{"$context":{"ip":["203.0.113.7"],"device":"Pixel 8"}}`), int64(1<<62))
	f.Add([]byte(`[]`), int64(0))
	f.Fuzz(func(t *testing.T, plain []byte, at int64) {
		first, tells := sightingIn(plain, at)
		again, toldAgain := sightingIn(plain, at)
		if first != again || tells != toldAgain || !tells && first != 0 {
			t.Error("a sighting is not a function of what was said")
		}
	})
}
