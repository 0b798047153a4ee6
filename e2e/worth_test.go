package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Thirty people buy, one of them by two identifiers that are linked later: what is expected of her counts both.
func TestLifetimeValuesAreReadFromTheLog(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t), "--no-database")
	began := time.Now().AddDate(0, 0, -60).Truncate(24 * time.Hour)
	buys := func(who string, day, amount int) {
		s.send(&profferv1.Item{
			Type: "purchase", MessageId: fmt.Sprintf("%s-%d", who, day), Time: timestamppb.New(began.AddDate(0, 0, day)),
			Amount: fmt.Sprint(amount), Currency: "EUR", Order: fmt.Sprintf("%s-%d", who, day),
		}, who)
	}
	for n := range 30 {
		for k := range 1 + n%4 {
			buys(fmt.Sprintf("user_id:u%d", n), (n+13*k)%50, 10+n)
		}
	}
	buys("anonymous_id:phone", 55, 500)
	if said, code := s.proffer("segment", "value", "--limit", "2"); code != 0 || !strings.Contains(said, "31 people bought until "+began.AddDate(0, 0, 55).Format(time.DateOnly)) {
		t.Fatalf("exit code %d: %s", code, said)
	}
	type values struct {
		Values []struct {
			Profile       string
			Frequency     int
			ExpectedValue float64 `json:"expected_value"`
		}
		Repeating string
	}
	var before, after values
	s.jsonOf(&before, "segment", "value", "user_id:u3", "--horizon", "90")
	if len(before.Values) != 1 || before.Values[0].Frequency != 3 || !(before.Values[0].ExpectedValue > 0) {
		t.Fatalf("%+v", before)
	}
	s.wantDone("identity", "link", "user_id:u3", "anonymous_id:phone", "--reason", "her phone")
	s.jsonOf(&after, "segment", "value", "anonymous_id:phone", "--horizon", "90")
	if len(after.Values) != 1 || after.Values[0].Frequency != 4 || !(after.Values[0].ExpectedValue > before.Values[0].ExpectedValue) {
		t.Errorf("%+v, before the link %+v", after, before)
	}
	if said, code := s.proffer("segment", "value", "--until", "1999-12-31"); code == 0 || !strings.Contains(said, "TOO_LITTLE_TO_LEARN_FROM") {
		t.Errorf("exit code %d: %s", code, said)
	}
}
