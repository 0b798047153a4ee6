package decider

import (
	"bytes"
	"fmt"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
)

// DescribeModel loads a model and says what its registration says of it, but for its name, version, reason and actor.
// It fails as model.Load does, or with a problem.List when its view or a feature of it is not there.
func (p *Policies) DescribeModel(data []byte) (*event.ModelRegistered, error) {
	loaded, err := model.Load(data)
	if err != nil {
		return nil, err
	}
	f := loaded.File()
	// One model has one digest: no other spelling of the same file is taken.
	if canonical, err := f.Encode(); err != nil || !bytes.Equal(canonical, data) {
		return nil, fmt.Errorf("%w: it is not written as this program writes models: was it edited?", model.ErrFile)
	}
	view, known := p.CurrentView(f.View)
	if err := checkModelView(f, view, known, p.viewNames()); err != nil {
		return nil, err
	}
	digest := loaded.Digest()
	return &event.ModelRegistered{
		Digest: digest[:], Size: uint64(len(data)), View: f.View, ViewFingerprint: f.ViewFingerprint[:], Features: f.Features,
		Label: f.Label, Objective: string(f.Ensemble.Objective), CardJson: f.Card,
	}, nil
}

func checkModelView(f *model.File, view feature.View, known bool, views []string) error {
	var problems problem.List
	if !known {
		problems.Add("view", problem.Unknown, "there is no view %s%s", f.View, expression.Suggestion(f.View, views))
		return problems.Err()
	}
	if f.ViewFingerprint != view.Fingerprint() {
		problems.Add("view_fingerprint", problem.Conflict, "the model was made for another %s, with the fingerprint %s; here it has %s",
			f.View, f.ViewFingerprint, view.Fingerprint())
	}
	var names []string
	for _, s := range view.Specs() {
		names = append(names, s.Name)
	}
	for i, name := range f.Features {
		if _, known := view.Index(name); !known {
			problems.Add(fmt.Sprintf("features[%d]", i), problem.Unknown, "%s has no feature %q%s", f.View, name, expression.Suggestion(name, names))
		}
	}
	return problems.Err()
}
