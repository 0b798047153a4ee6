package commands_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
)

// presenceModel weighs where devices were seen, with as much as a fitted model may give it.
func presenceModel() match.Model {
	return match.Model{
		Name: "devices", Prior: 0.002, Records: 1000,
		Fields: []match.Field{{Name: "co_presence", Kind: match.CoPresence}},
		Comparisons: []match.Comparison{{Name: "co_presence", Field: "co_presence", Levels: []match.Level{
			{Level: "intersection>=5", M: .3, U: .3 / 256}, {Level: "intersection>=3", M: .2, U: .01},
			{Level: "intersection>=1", M: .3, U: .1}, {Level: match.Else, M: .2, U: .889},
		}}},
		Blocks: [][]string{{"co_presence:any"}},
	}
}

// seen ingests a view of a device somewhere at some time.
func (m *matchWorld) seen(id identity.Identifier, ip, model string, at time.Time) {
	m.t.Helper()
	v := m.do(m.t, "test", commands.Item{
		MessageID: fmt.Sprint(id.Value, ip, model, at.UnixMilli()), Type: "view", Kind: "page", Name: "Home", Identifiers: ids(id), OccurredMS: at.UnixMilli(),
		Properties: object(m.t, fmt.Sprintf(`{"$context":{"ip":%q,"device":{"model":%q}}}`, ip, model)),
	})
	if v[0].Status != commands.Accepted {
		m.t.Fatalf("got %+v", v[0])
	}
}

// matchedAll waits until all sightings were compared, and what came of them is in the log.
func (m *matchWorld) matchedAll(proposals int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	for e, err := range m.log.Follow(ctx, domain.Identity, 1) {
		if err != nil {
			m.t.Fatal(err)
		}
		events, err := e.Events()
		if err != nil {
			m.t.Fatal(err)
		}
		for _, e := range events {
			if e.GetMatchProposed() != nil {
				proposals--
			}
		}
		if proposals <= 0 {
			return
		}
	}
	m.t.Fatalf("%d proposals are missing", proposals)
}

func TestDevicesThatAreAlwaysTogetherAreProposedAndNeverLinked(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	m.use(presenceModel())
	for day := range 8 {
		at := now.AddDate(0, 0, -day)
		m.seen(anon("phone"), "203.0.113.7", "Pixel 8", at)
		m.seen(device("again"), "203.0.113.99", "Pixel 8", at.Add(-time.Minute))
		m.seen(anon("elsewhere"), "198.51.100.7", "Pixel 8", at)
		m.seen(anon("other"), "203.0.113.8", "iPhone16,2", at)
		m.seen(anon("private"), "10.0.0.8", "Pixel 8", at)
	}
	m.matchedAll(1)
	m.settle()
	m.wrote(0, 0, 1)
	_, _, proposals := m.written()
	phone, again := m.named(anon("phone")), m.named(device("again"))
	p := proposals[0]
	if domain.Alias(p.GetAlias()) != phone.Alias || domain.Alias(p.GetMatchProposed().GetOther()) != again.Alias ||
		p.GetAliasType() != "anonymous_id" || p.GetMatchProposed().GetOtherType() != "device_id" {
		t.Errorf("the wrong two are proposed: %v", p)
	}
	if posterior := p.GetMatchProposed().GetPosterior(); posterior >= commands.LinkedFrom {
		t.Errorf("posterior %v", posterior)
	}

	m.stop()
	restarted := restartMatching(t, m.log, m.vault, newMemoryCheckpoint())
	restarted.seen(anon("third"), "203.0.113.200", "Pixel 8", now)
	for day := range 5 {
		restarted.seen(anon("third"), "203.0.113.200", "Pixel 8", now.AddDate(0, 0, -day).Add(-time.Hour))
	}
	restarted.matchedAll(3)
	restarted.wrote(0, 0, 3)
}

func TestCoPresenceIsLearnedFromWhereDevicesWereSeen(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	for person := range 30 {
		for day := range 6 {
			at := now.AddDate(0, 0, -day)
			for _, id := range []string{"a", "b"} {
				m.seen(anon(fmt.Sprint(id, person)), fmt.Sprintf("203.0.%d.7", person), "Pixel 8", at)
			}
		}
		m.tell(anon(fmt.Sprint("a", person)), fmt.Sprintf(`{"nickname":"n%d"}`, person))
	}
	proposal := match.Model{
		Fields: []match.Field{{Name: "co_presence", Kind: match.CoPresence}, {Name: "nickname", Kind: match.Text}},
	}
	if err := match.ProposeFor(&proposal); err != nil {
		t.Fatal(err)
	}
	model, _, err := m.people.Fit(t.Context(), proposal)
	if err != nil {
		t.Fatal(err)
	}
	if model.Records != 60 {
		t.Errorf("fitted on %d records, want those of 60 devices", model.Records)
	}
	for _, c := range model.Comparisons {
		if c.Name != "co_presence" {
			continue
		}
		if always := c.Levels[0]; always.M < 10*always.U {
			t.Errorf("being always together weighs nothing: %+v", always)
		}
		for _, l := range c.Levels {
			if odds := model.Prior / (1 - model.Prior) * l.M / l.U; odds/(1+odds) >= commands.LinkedFrom {
				t.Errorf("two would be linked by co-presence alone: %+v", l)
			}
		}
	}
}

// loggedIn ingests that somebody logged in on a device.
func (m *matchWorld) loggedIn(id identity.Identifier, name string, at time.Time) {
	m.t.Helper()
	v := m.do(m.t, "test", commands.Item{
		MessageID: fmt.Sprint(id.Value, name, at.UnixMilli()), Type: "track", Name: name, Identifiers: ids(id), OccurredMS: at.UnixMilli(),
	})
	if v[0].Status != commands.Accepted {
		m.t.Fatalf("got %+v", v[0])
	}
}

// Devices that were together once are proposed when somebody logs in on both at the same hours of the week, whatever the
// source calls it; not when the hours differ; and never linked.
func TestDevicesWithOneLoginPatternAreProposed(t *testing.T) {
	t.Parallel()
	m := newMatching(t)
	for week := range 4 {
		for _, day := range []int{0, 1, 2} {
			at := now.AddDate(0, 0, -7*week-day)
			m.loggedIn(anon("phone"), "User Logged In", at)
			m.loggedIn(device("tablet"), "sign_in", at.Add(20*time.Minute))
			m.loggedIn(anon("visitor"), "login", at.Add(9*time.Hour))
			m.loggedIn(anon("visitor"), "Log Out", at)
		}
	}
	for _, id := range []identity.Identifier{anon("phone"), device("tablet"), anon("visitor")} {
		m.seen(id, "203.0.113.7", "Pixel 8", now)
	}
	model := presenceModel()
	model.Fields = append(model.Fields, match.Field{Name: "login_pattern", Kind: match.LoginPattern})
	model.Comparisons = append(model.Comparisons, match.Comparison{Name: "login_pattern", Field: "login_pattern", Levels: []match.Level{
		{Level: "tokens>=0.75", M: .8, U: .8 / 4096}, {Level: match.Else, M: .2, U: 1 - .8/4096},
	}})
	m.use(model)
	m.matchedAll(1)
	m.settle()
	m.wrote(0, 0, 1)
	_, _, proposals := m.written()
	p := proposals[0]
	pair := map[domain.Alias]bool{domain.Alias(p.GetAlias()): true, domain.Alias(p.GetMatchProposed().GetOther()): true}
	if !pair[m.named(anon("phone")).Alias] || !pair[m.named(device("tablet")).Alias] {
		t.Errorf("the wrong two are proposed: %v", p)
	}
	if posterior := p.GetMatchProposed().GetPosterior(); posterior >= commands.LinkedFrom {
		t.Errorf("posterior %v", posterior)
	}
}
