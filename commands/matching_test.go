package commands_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
)

// memoryCheckpoint is commands.MatchCheckpoint in memory; tests wait until it moves.
type memoryCheckpoint struct {
	mu    sync.Mutex
	at    map[uint64]uint64
	moved chan struct{}
}

func newMemoryCheckpoint() *memoryCheckpoint {
	return &memoryCheckpoint{at: map[uint64]uint64{}, moved: make(chan struct{})}
}

func (c *memoryCheckpoint) Load(_ context.Context, version uint64) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[version], nil
}

func (c *memoryCheckpoint) Store(_ context.Context, version, sequence uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[version] = sequence
	close(c.moved)
	c.moved = make(chan struct{})
	return nil
}

// wait returns when all up to the sequence was compared under the version.
func (c *memoryCheckpoint) wait(t testing.TB, version, sequence uint64) {
	t.Helper()
	within := time.After(60 * time.Second)
	for {
		c.mu.Lock()
		at, moved := c.at[version], c.moved
		c.mu.Unlock()
		if at >= sequence {
			return
		}
		select {
		case <-moved:
		case <-within:
			t.Fatalf("matching under version %d is at %d, want %d", version, at, sequence)
		}
	}
}

// matchWorld is a world in which people are matched.
type matchWorld struct {
	*world
	t          testing.TB
	changes    *commands.IdentityChanges
	checkpoint *memoryCheckpoint
	people     *commands.MatchPeople
	stop       func()
	version    uint64
}

func newMatching(t testing.TB) *matchWorld {
	log := commandstest.NewMemoryLog(4)
	return startMatching(t, log, log, commandstest.NewMemoryVault(), newMemoryCheckpoint())
}

// restartMatching is a server's start over what exists.
func restartMatching(t testing.TB, log *commandstest.MemoryLog, vault *commandstest.MemoryVault, checkpoint *memoryCheckpoint) *matchWorld {
	return startMatching(t, log, log, vault, checkpoint)
}

// startMatching lets matching append through a log of its own.
func startMatching(
	t testing.TB, through commands.Log, log *commandstest.MemoryLog, vault *commandstest.MemoryVault, checkpoint *memoryCheckpoint,
) *matchWorld {
	w := startWorld(t, log, vault)
	m := &matchWorld{world: w, t: t, changes: w.changes(log), checkpoint: checkpoint}
	if model := w.recall.People.Matching().Model; model != nil {
		m.version = model.GetVersion()
	}
	m.people = commands.NewMatchPeople(commands.MatchingPorts{
		Log: through, History: log, Vault: vault, Reader: match.Plain{}, Recall: w.recall, Checkpoint: checkpoint,
		Now: func() time.Time { return now }, CheckpointEvery: time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.recall.Follow(ctx) })
	running.Go(func() {
		if err := m.people.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	m.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(m.stop)
	return m
}

// use puts a model into effect.
func (m *matchWorld) use(model match.Model) {
	m.t.Helper()
	document, err := model.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	m.set(document)
}

func (m *matchWorld) set(document []byte) {
	m.t.Helper()
	in, _, err := m.changes.SetMatching(context.Background(), commands.SetMatching{Name: "test", Document: document})
	if err != nil {
		m.t.Fatal(err)
	}
	m.version = in.Model.GetVersion()
}

// tell ingests what is known of somebody.
func (m *matchWorld) tell(id identity.Identifier, traits string) {
	m.t.Helper()
	m.tellAt(id, traits, now)
}

func (m *matchWorld) tellAt(id identity.Identifier, traits string, at time.Time) {
	m.t.Helper()
	last, err := m.log.Last(context.Background(), domain.Identity)
	if err != nil {
		m.t.Fatal(err)
	}
	v := m.do(m.t, "test", commands.Item{
		MessageID: fmt.Sprint(last), Type: "identify", Identifiers: ids(id), Properties: object(m.t, traits), OccurredMS: at.UnixMilli(),
	})
	if v[0].Status != commands.Accepted {
		m.t.Fatalf("got %+v", v[0])
	}
}

// settle waits until all that the log holds was compared, and nothing more came of it.
func (m *matchWorld) settle() {
	m.t.Helper()
	for {
		last, err := m.log.Last(context.Background(), domain.Identity)
		if err != nil {
			m.t.Fatal(err)
		}
		m.checkpoint.wait(m.t, m.version, last)
		if again, _ := m.log.Last(context.Background(), domain.Identity); again == last {
			return
		}
	}
}

// written are the events that matching wrote: links, withheld claims and proposals of the rule.
func (m *matchWorld) written() (links []*event.Event, withheld []*event.Event, proposals []*event.Event) {
	m.t.Helper()
	for _, e := range m.all(m.t) {
		switch {
		case e.GetIdentityLinked().GetRule() == identity.RuleMatch:
			links = append(links, e)
		case e.GetIdentityWithheld().GetRule() == identity.RuleMatch:
			withheld = append(withheld, e)
		case e.GetMatchProposed() != nil:
			proposals = append(proposals, e)
		}
	}
	return links, withheld, proposals
}

// wrote checks how many events matching wrote.
func (m *matchWorld) wrote(links, withheld, proposals int) {
	m.t.Helper()
	l, w, p := m.written()
	if len(l) != links || len(w) != withheld || len(p) != proposals {
		m.t.Fatalf("matching wrote %d links, %d withheld claims, %d proposals; want %d, %d, %d",
			len(l), len(w), len(p), links, withheld, proposals)
	}
}

func crm(value string) identity.Identifier {
	return identity.Identifier{Type: "crm_id", Value: value}
}

// people is a fitted model of four fields.
func peopleModel() match.Model {
	levels := func(list ...match.Level) []match.Level { return list }
	return match.Model{
		Name: "test", Prior: 0.001, Records: 1000,
		Fields: []match.Field{
			{Name: "first_name", Kind: match.GivenName}, {Name: "surname", Kind: match.Surname},
			{Name: "dob", Kind: match.Date}, {Name: "contact.email", Kind: match.Email},
		},
		Comparisons: []match.Comparison{
			{Name: "surname", Field: "surname", Levels: levels(
				match.Level{Level: "exact", M: .8, U: .005}, match.Level{Level: "jaro_winkler>=0.85", M: .12, U: .01}, match.Level{Level: match.Else, M: .08, U: .985})},
			{Name: "first_name", Field: "first_name", Levels: levels(
				match.Level{Level: "exact", M: .8, U: .01}, match.Level{Level: "damerau_levenshtein<=1", M: .12, U: .01}, match.Level{Level: match.Else, M: .08, U: .98})},
			{Name: "dob", Field: "dob", Levels: levels(
				match.Level{Level: "exact", M: .85, U: .001}, match.Level{Level: "damerau_levenshtein<=1", M: .1, U: .004}, match.Level{Level: match.Else, M: .05, U: .995})},
			{Name: "email", Field: "contact.email", Levels: levels(
				match.Level{Level: "exact", M: .7, U: .0005}, match.Level{Level: "damerau_levenshtein<=1", M: .1, U: .0005}, match.Level{Level: match.Else, M: .2, U: .999})},
		},
		Blocks: [][]string{{"surname"}, {"first_name"}, {"dob"}, {"contact.email"}},
	}
}

// Records of two people; the first two are one person with typing errors, the last two perhaps.
const (
	robert      = `{"first_name":"Robert","surname":"Allanson","dob":"1971-06-24","contact":{"email":"robert255@smith.example"}}`
	robertAgain = `{"first_name":"Robert","surname":"Alanson","dob":"1971-05-24","contact":{"email":"robert25@smith.example"}}`
	maria       = `{"first_name":"Maria","surname":"Garcia"}`
	mariaMaybe  = `{"first_name":"Maria","surname":"Garcya"}`
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

// at is the event of IDENTITY at a position.
func (m *matchWorld) at(p domain.Position) *event.Event {
	m.t.Helper()
	e, err := m.log.At(context.Background(), domain.Identity, p.Sequence)
	if err != nil {
		m.t.Fatal(err)
	}
	events, err := e.Events()
	if err != nil {
		m.t.Fatal(err)
	}
	return events[p.Index]
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
	commands.Log
	fail atomic.Int32
}

func (l *awayLog) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	if l.fail.Add(-1) >= 0 {
		return domain.Position{}, domain.ErrUnavailable
	}
	return l.Log.Append(ctx, lane, events...)
}

func TestMatchingWaitsForALogThatIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := &awayLog{Log: w.log}
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
