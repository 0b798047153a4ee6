package decider_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain/problem"
)

func TestWhatARegistrationSaysOfAModel(t *testing.T) {
	t.Parallel()
	policies := decider.NewPolicies(core())
	data := bytesOf(t, -1)
	m, err := policies.DescribeModel(data)
	if err != nil {
		t.Fatal(err)
	}
	digest := model.Digest(data)
	if !bytes.Equal(m.GetDigest(), digest[:]) || m.GetSize() != uint64(len(data)) || m.GetView() != "core@1" ||
		m.GetObjective() != "binary" || strings.Join(m.GetFeatures(), " ") != "purchases_30d" {
		t.Errorf("%v", m)
	}
}

func TestAModelThatDoesNotFitItsViewIsRefusedByField(t *testing.T) {
	t.Parallel()
	policies := decider.NewPolicies(core())
	for name, c := range map[string]struct {
		change func(*model.File)
		want   string
	}{
		"unknown view":    {func(f *model.File) { f.View = "cora@1" }, `view: there is no view cora@1 (did you mean "core@1"?)`},
		"another content": {func(f *model.File) { f.ViewFingerprint[0]++ }, "view_fingerprint: the model was made for another core@1"},
		"unknown feature": {func(f *model.File) { f.Features = []string{"purchase_30d"} }, `features[0]: core@1 has no feature "purchase_30d" (did you mean "purchases_30d"?)`},
	} {
		f := decidertest.Stump(core(), "purchases_30d", 0.5, -1, 1)
		c.change(f)
		data, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		_, err = policies.DescribeModel(data)
		var problems problem.List
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := policies.DescribeModel(append([]byte(" "), bytesOf(t, 1)...)); !errors.Is(err, model.ErrFile) {
		t.Errorf("another spelling: %v", err)
	}
}
