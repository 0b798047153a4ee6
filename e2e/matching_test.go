package e2e

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// tell sends what is known of somebody.
func (s *server) tell(who string, traits map[string]any) {
	s.t.Helper()
	properties, err := structpb.NewStruct(traits)
	if err != nil {
		s.t.Fatal(err)
	}
	s.send(&profferv1.Item{MessageId: who, Type: "identify", Properties: properties}, who)
}

// somebody is the record of a person.
func somebody(person int) map[string]any {
	given := []string{"Ada", "Boris", "Clara", "Dmitri", "Emilia", "Farid", "Greta"}[person%7]
	surname := []string{"Adams", "Baker", "Clark", "Davis", "Evans", "Frank", "Ghosh", "Hills", "Irwin", "Jones", "Keane"}[person%11]
	return map[string]any{
		"first_name": given, "surname": surname, "address": map[string]any{"city": []string{"Leeds", "Porto", "Turin"}[person%3]},
		"birthday": fmt.Sprintf("19%02d-%02d-%02d", 50+person, person%12+1, person%28+1),
	}
}

// TestPeopleAreMatchedAsTheyArrive trains a model on what is known, and finds people again by what is said of them, also
// after kill -9, and says nothing twice.
func TestPeopleAreMatchedAsTheyArrive(t *testing.T) {
	t.Parallel()
	const people = 30
	s := serve(t, t.TempDir(), "--no-database")
	for i := range people {
		s.tell(fmt.Sprint("crm_id:", i), somebody(i))
		if i < people/2 {
			s.tell(fmt.Sprint("shop_id:", i), somebody(i))
		}
	}
	if s.together("crm_id:0", "shop_id:0") {
		t.Fatal("two are one before there is a model")
	}
	if out, code := s.proffer("identity", "match", "train", "--reason", "first"); code != 0 {
		t.Fatalf("train: exit code %d\n%s", code, out)
	}
	s.awaitCounts("under the first model", map[string]uint64{"identity_linked": people / 2, "match_model_changed": 1})
	if !s.together("crm_id:3", "shop_id:3") || s.together("crm_id:3", "crm_id:4") {
		t.Error("the wrong people are one")
	}

	s.restart()
	late := somebody(20)
	late["surname"] = "Jonnes" // Jones
	s.tell("shop_id:20", late)
	s.awaitCounts("after a restart", map[string]uint64{"identity_linked": people/2 + 1})
	if !s.together("crm_id:20", "shop_id:20") {
		t.Error("the late record was not found to be hers")
	}
	if _, code := s.proffer("identity", "explain", "crm_id:20", "shop_id:20"); code != 0 {
		t.Errorf("explain: exit code %d", code)
	}
}
