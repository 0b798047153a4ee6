package registry_test

import (
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
)

func TestAModelThatDoesNotFitItsUseIsDoubted(t *testing.T) {
	t.Parallel()
	w := &world{}
	for name, m := range map[string]*event.ModelRegistered{
		"leaves":   {Label: "churn_90d", Objective: "binary"},
		"spends":   {Label: "spend_90d", Objective: "regression"},
		"counts":   {Label: "churn_90d", Objective: "log"},
		"unsure":   {Label: "spend_90d", Objective: "binary"},
		"imported": {Objective: "multiclass"},
	} {
		m.Name, m.Version = name, 1
		w.add(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: m}})
	}
	w.assign(t, registry.Wish{Use: "own", Role: champion, Model: "leaves"})
	for _, c := range []struct{ use, model, want string }{
		{"churn_90d", "leaves", ""},
		{"spend_90d", "spends", ""},
		{"churn_90d", "imported", ""},
		{"offer_completion", "leaves", "leaves@1 learnt the label churn_90d, not offer_completion"},
		{"churn_90d", "counts", "counts@1 scores by log, and churn_90d is a chance from 0 to 1"},
		{"spend_90d", "unsure", "unsure@1 scores chances from 0 to 1, and spend_90d is an amount or a count"},
		{"churn_90d", "spends", "spends@1 learnt the label spend_90d, not churn_90d; spends@1 scores by regression, and churn_90d is a chance from 0 to 1"},
		{"own", "counts", ""},
		{"own", "imported", ""},
		{"own", "spends", "spends@1 learnt the label spend_90d, and the champion of own, leaves@1, learnt churn_90d"},
		{"another", "spends", ""},
		{"own", "nobody", ""},
		{"own", "", ""},
	} {
		if got := strings.Join(w.Doubts(registry.Wish{Use: c.use, Role: champion, Model: c.model}), "; "); got != c.want {
			t.Errorf("%s as %s: %q, want %q", c.model, c.use, got, c.want)
		}
	}
}
