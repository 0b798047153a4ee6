package commands_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
)

func TestRecordsOfOnePersonAreLinkedAsTheyArrive(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	m.tell(crm("1"), robert)
	m.tell(crm("2"), maria)
	m.settle()
	m.wrote(0, 0, 0)
	m.tell(crm("3"), robertAgain)
	m.settle()
	m.wrote(1, 0, 0)
	if !m.linked(crm("1"), crm("3")) || m.linked(crm("1"), crm("2")) {
		t.Error("the wrong two are linked")
	}
	links, _, _ := m.written()
	evidence, posterior := links[0].GetIdentityLinked().GetEvidence(), links[0].GetIdentityLinked().GetPosterior()
	weight := evidence.GetMatch()
	sum := weight.GetPriorBits()
	for _, term := range weight.GetTerms() {
		sum = sum + term.GetBits() + term.GetFrequencyBits()
	}
	if math.Abs(sum-weight.GetWeightBits()) > 1e-12 || math.Abs(match.Posterior(sum)-posterior) > 1e-12 || posterior < commands.LinkedFrom {
		t.Errorf("the waterfall sums to %v, the weight is %v, the posterior %v", sum, weight.GetWeightBits(), posterior)
	}
	if weight.GetModelVersion() != m.version || len(weight.GetTerms()) != 4 {
		t.Errorf("got %v", weight)
	}
	for _, p := range evidence.GetPositions() {
		e := m.at(domain.PositionOf(p))
		if e.GetTraitsChanged() == nil {
			t.Errorf("position %v is a %s, want a trait event", p, domain.TypeOf(e))
		}
	}
	if len(evidence.GetPositions()) != 2 {
		t.Errorf("got %d positions, want those of both records", len(evidence.GetPositions()))
	}
}

func TestMatchingWritesNoValueInClear(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	for i, record := range []string{robert, robertAgain, maria, mariaMaybe} {
		m.tell(crm(fmt.Sprint(i)), record)
	}
	m.settle()
	m.wrote(1, 0, 1)
	for envelope, err := range m.log.Read(context.Background(), domain.Identity, 1, math.MaxUint64) {
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range envelope.Frames {
			for _, value := range []string{"robert", "allanson", "alanson", "maria", "garcia", "garcya", "1971", "smith.example"} {
				if bytes.Contains(bytes.ToLower(frame), []byte(value)) {
					t.Errorf("an event holds %q in clear", value)
				}
			}
		}
	}
}

func TestAMiddlingPairWaitsForAPerson(t *testing.T) {
	t.Parallel()
	for _, confirmed := range []bool{true, false} {
		m := newMatching(t)
		m.use(peopleModel())
		m.tell(crm("1"), maria)
		m.tell(crm("2"), mariaMaybe)
		m.settle()
		m.wrote(0, 0, 1)
		if m.linked(crm("1"), crm("2")) {
			t.Error("a proposal links")
		}
		m.tell(crm("1"), maria) // said again: nothing new to propose
		m.settle()
		m.wrote(0, 0, 1)
		_, err := m.changes.Review(context.Background(), commands.ReviewMatch{
			First: m.named(crm("1")), Second: m.named(crm("2")), Confirmed: confirmed,
		})
		if err != nil {
			t.Fatal(err)
		}
		m.tell(crm("2"), mariaMaybe)
		m.tell(crm("2"), `{"surname":"Garcia","dob":"1980-01-01"}`)
		m.tell(crm("1"), `{"dob":"1980-01-01"}`)
		m.settle()
		m.wrote(0, 0, 1)
		if m.linked(crm("1"), crm("2")) != confirmed {
			t.Errorf("confirmed %v: linked %v", confirmed, !confirmed)
		}
	}
}

func TestABarWinsOverAnyPosterior(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	m.tell(crm("1"), robert)
	m.tell(crm("2"), maria)
	m.settle()
	_, err := m.changes.Unlink(context.Background(), commands.UnlinkPeople{First: m.named(crm("1")), Second: m.named(crm("2")), Bar: true})
	if err != nil {
		t.Fatal(err)
	}
	m.tell(crm("2"), robert)
	m.settle()
	m.wrote(0, 0, 0)
	// Another alias of the first keeps the bar: what would join the two ends is withheld.
	m.tell(crm("3"), robertAgain)
	m.settle()
	if m.linked(crm("1"), crm("2")) {
		t.Error("the bar did not hold")
	}
	m.wrote(1, 1, 0)
	_, withheld, _ := m.written()
	if guard := withheld[0].GetIdentityWithheld().GetGuard(); guard != identity.GuardBarred {
		t.Errorf("withheld by %s", guard)
	}
}

func TestALimitWithholdsAMatch(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	m.tell(user("1"), robert)
	m.tell(user("2"), robertAgain)
	m.settle()
	m.wrote(0, 1, 0)
	m.tell(user("2"), robert)
	m.settle()
	m.wrote(0, 1, 0)
}

func TestMatchingGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	m.tell(crm("1"), robert)
	m.tell(crm("2"), maria)
	m.settle()
	m.stop()
	before := m.checkpoint.at[m.version]
	m = restartMatching(t, m.log, m.vault, m.checkpoint)
	if before == 0 || m.version == 0 {
		t.Fatalf("version %d, checkpoint %d", m.version, before)
	}
	m.tell(crm("3"), robertAgain)
	m.tell(crm("4"), mariaMaybe)
	m.settle()
	m.wrote(1, 0, 1)
	if !m.linked(crm("1"), crm("3")) {
		t.Error("a record of before the restart was not found")
	}
}

func TestACrashBeforeTheCheckpointAddsNothingTwice(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	for i, record := range []string{robert, robertAgain, maria, mariaMaybe} {
		m.tell(crm(fmt.Sprint(i)), record)
	}
	m.tell(user("1"), robert)
	m.tell(user("2"), robert)
	m.settle()
	m.stop()
	links, withheld, proposals := m.written()
	// What matching said is taken back before the server comes up again, with the checkpoint of before.
	again := restartMatching(t, m.log, m.vault, newMemoryCheckpoint())
	again.settle()
	again.wrote(len(links), len(withheld), len(proposals))
	seen := map[string]bool{}
	for _, e := range again.all(t) {
		if id := string(e.GetId()); id != "" && seen[id] {
			t.Errorf("two events have one id: %s", domain.TypeOf(e))
		} else {
			seen[id] = true
		}
	}
}

func TestWhatAnOperatorTookBackBeforeARestartIsNotSaidAgain(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	m.tell(crm("1"), robert)
	m.tell(crm("2"), robertAgain)
	m.settle()
	m.wrote(1, 0, 0)
	if _, err := m.changes.Unlink(context.Background(), commands.UnlinkPeople{First: m.named(crm("1")), Second: m.named(crm("2"))}); err != nil {
		t.Fatal(err)
	}
	m.stop()
	again := restartMatching(t, m.log, m.vault, newMemoryCheckpoint())
	again.settle()
	again.wrote(1, 0, 0)
	if again.linked(crm("1"), crm("2")) {
		t.Error("the same evidence links again")
	}
	again.tell(crm("2"), robert)
	again.settle()
	again.wrote(2, 0, 0)
	if links, _, _ := again.written(); bytes.Equal(links[0].GetId(), links[1].GetId()) {
		t.Error("other evidence has the same id")
	}
}

func TestAnAnswerHoldsUntilTheRecordsChange(t *testing.T) {
	t.Parallel()
	m, ctx := newMatching(t), context.Background()
	m.use(peopleModel())
	m.tell(crm("1"), maria)
	m.tell(crm("2"), mariaMaybe)
	m.settle()
	first, second := m.named(crm("1")), m.named(crm("2"))
	if _, err := m.changes.Review(ctx, commands.ReviewMatch{First: first, Second: second}); err != nil {
		t.Fatal(err)
	}
	// The bar is lifted, and the two stay apart.
	if _, err := m.changes.Link(ctx, commands.LinkPeople{First: first, Second: second, LiftBars: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.changes.Unlink(ctx, commands.UnlinkPeople{First: first, Second: second}); err != nil {
		t.Fatal(err)
	}
	other := peopleModel()
	other.Prior = 0.0011
	m.use(other)
	m.settle()
	m.wrote(0, 0, 1)
	m.tell(crm("2"), mariaMaybe)
	m.settle()
	m.wrote(0, 0, 2)
}

func TestOneRecordDoesNotJoinTwoPeopleWhoDiffer(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	for i := range 3 {
		m.tell(crm(fmt.Sprint("father", i)), `{"first_name":"Robert","surname":"Allanson","dob":"1941-06-24","contact":{"email":"bob@mail.example"}}`)
		m.tell(crm(fmt.Sprint("son", i)), `{"first_name":"Robert","surname":"Allanson","dob":"1971-01-02","contact":{"email":"ra71@post.example"}}`)
	}
	m.settle()
	m.wrote(4, 0, 0)
	m.tell(crm("either"), `{"first_name":"Robert","surname":"Allanson"}`)
	m.settle()
	if m.linked(crm("father0"), crm("son0")) || m.linked(crm("either"), crm("father0")) == m.linked(crm("either"), crm("son0")) {
		t.Error("a record that says too little joins father and son")
	}
	if _, _, proposals := m.written(); len(proposals) != 1 {
		t.Errorf("%d proposals, want one question about two people", len(proposals))
	}
}

func TestAnotherModelComparesAllAgain(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	m.tell(crm("1"), maria)
	m.tell(crm("2"), mariaMaybe)
	m.settle()
	m.wrote(0, 0, 1)
	surer := peopleModel()
	surer.Prior = 0.05
	m.use(surer)
	m.settle()
	m.wrote(1, 0, 1)
	if !m.linked(crm("1"), crm("2")) {
		t.Error("the other model's link is missing")
	}
}

func TestAModelFindsTheRecordsOfBefore(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.tell(crm("1"), robert)
	m.tell(crm("2"), robertAgain)
	m.use(peopleModel())
	m.settle()
	m.wrote(1, 0, 0)
}

func TestMatchingThatIsOffKeepsNothing(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	m.tell(crm("1"), robert)
	m.settle()
	if p := m.people.Progress(); p.Version != 1 || p.Records != 1 {
		t.Errorf("got %+v", p)
	}
	m.set(nil)
	m.tell(crm("2"), robertAgain)
	m.use(peopleModel())
	m.settle()
	m.wrote(1, 0, 0)
	m.set(nil)
	for within := time.Now().Add(time.Minute); m.people.Progress() != (commands.MatchProgress{}); runtime.Gosched() {
		if time.Now().After(within) {
			t.Fatalf("got %+v", m.people.Progress())
		}
	}
}

func TestTheLatestValueIsCompared(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(peopleModel())
	m.tell(crm("1"), robert)
	m.tell(crm("2"), maria)
	m.settle()
	m.tellAt(crm("2"), robertAgain, now.Add(-time.Hour)) // arrives late: the name that is known is newer
	m.settle()
	links, _, _ := m.written()
	if len(links) != 0 {
		t.Errorf("a value of before counts: %v", links[0].GetIdentityLinked().GetEvidence().GetMatch())
	}
	m.tell(crm("2"), `{"first_name":"Robert"}`)
	m.settle()
	m.wrote(1, 0, 0)
	links, _, _ = m.written()
	levels := map[string]string{}
	for _, term := range links[0].GetIdentityLinked().GetEvidence().GetMatch().GetTerms() {
		levels[term.GetComparison()] = term.GetLevel()
	}
	want := map[string]string{"first_name": "exact", "surname": match.Else, "dob": "damerau_levenshtein<=1", "email": "damerau_levenshtein<=1"}
	if diff := cmp.Diff(want, levels); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if n := len(links[0].GetIdentityLinked().GetEvidence().GetPositions()); n != 4 {
		t.Errorf("got %d positions, want one of the first and three of the second", n)
	}
}

// awayLog fails the first appends.
type awayLog struct {
	commands.SharedLog
	fail atomic.Int32
}

func (l *awayLog) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	if l.fail.Add(-1) >= 0 {
		return domain.Position{}, domain.ErrUnavailable
	}
	return l.SharedLog.Append(ctx, lane, events...)
}

func TestMatchingWaitsForALogThatIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := &awayLog{SharedLog: w.log}
	away.fail.Store(1)
	m := startMatching(t, away, w.log, w.vault, newMemoryCheckpoint())
	m.use(peopleModel())
	m.tell(crm("1"), robert)
	m.tell(crm("2"), robertAgain)
	m.settle()
	m.wrote(1, 0, 0)
	if away.fail.Load() >= 0 {
		t.Error("nothing failed")
	}
}

func TestFitLearnsFromTheRecordsInTheLog(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	if _, _, err := m.people.Fit(context.Background(), match.Model{}); err == nil {
		t.Error("an empty log was fitted on")
	}
	names := []string{"Adams", "Baker", "Clark", "Davis", "Evans", "Frank", "Ghosh", "Hills", "Irwin", "Jones"}
	for i := range 60 {
		person := i / 2
		m.tell(crm(fmt.Sprint(i)), fmt.Sprintf(`{"first_name":"%s","surname":"%s","address":{"city":"%s"},"contact":{"email":"%s%d@mail.example"},"dob":"19%02d-0%d-1%d"}`,
			names[person%7]+"a", names[person%10], names[person%4]+"ton", strings.ToLower(names[person%10]), person, 50+person, person%9+1, person%10))
	}
	model, report, err := m.people.Fit(context.Background(), match.Model{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]match.Kind{}
	for _, f := range model.Fields {
		kinds[f.Name] = f.Kind
	}
	if kinds["address.city"] != match.Locality || kinds["contact.email"] != match.Email || kinds["dob"] != match.Date || !model.Fitted() {
		t.Errorf("got %v, fitted %v", kinds, model.Fitted())
	}
	if report.Matches < 20 || report.Matches > 45 {
		t.Errorf("%.1f expected matches, want about 30", report.Matches)
	}
	m.use(model)
	m.settle()
	links, _, _ := m.written()
	if len(links) < 27 {
		t.Errorf("%d of 30 pairs are linked", len(links))
	}
	for i := 0; i < 60; i += 2 {
		if m.linked(crm(fmt.Sprint(i)), crm(fmt.Sprint((i+2)%60))) {
			t.Errorf("two people are linked: %d", i)
		}
	}
}

// With room for few records in clear, the others are prepared part by part, from what was read or from the log again.
func TestWhatIsKeptInMemoryDecidesNothing(t *testing.T) {
	t.Parallel()
	draw := rand.New(rand.NewPCG(3, 4))
	var records []string
	for i := range 150 {
		record := person(draw, i)
		records = append(records, record, strings.Replace(record, "-0", "-1", 1))
	}
	found := func(kept int, prepared int) map[string]float64 {
		log := commandstest.NewMemoryLog(4)
		m := startMatching(t, log, log, commandstest.NewMemoryVault(), newMemoryCheckpoint(), func(p *commands.MatchingPorts) {
			p.Kept, p.Prepared, p.Workers = kept, prepared, 2
		})
		names := map[string]string{}
		for i, r := range records {
			m.tell(crm(fmt.Sprint(i)), r)
			alias := m.named(crm(fmt.Sprint(i))).Alias
			names[string(alias[:])] = fmt.Sprint(i)
		}
		model, _, err := m.people.Fit(t.Context(), match.Model{})
		if err != nil {
			t.Fatal(err)
		}
		m.use(model)
		m.settle()
		m.stop()
		links, _, proposals := m.written()
		pairs := map[string]float64{}
		for _, e := range append(links, proposals...) {
			linked, other := e.GetIdentityLinked(), e.GetMatchProposed()
			one, two := names[string(e.GetAlias())], names[string(other.GetOther())+string(linked.GetOther())]
			pairs[min(one, two)+" "+max(one, two)] = linked.GetPosterior() + other.GetPosterior()
		}
		return pairs
	}
	want := found(0, 0)
	if len(want) < 100 {
		t.Fatalf("%d pairs found only", len(want))
	}
	near := cmpopts.EquateApprox(0, 1e-9)
	if diff := cmp.Diff(want, found(0, 20), near); diff != "" {
		t.Error("with few prepared:", diff)
	}
	if diff := cmp.Diff(want, found(2000, 20), near); diff != "" {
		t.Error("with few kept:", diff)
	}
}
