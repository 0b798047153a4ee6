package card_test

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/stat"
)

func TestACardComesBackAsItWas(t *testing.T) {
	t.Parallel()
	bins := stat.NewBins([]float64{1, 2, 3, math.NaN()}, 10)
	rmse, baseline := 12.5, 20.
	c := &card.Card{
		Features: []card.Feature{{Name: "spend_30d", Missing: .25, Bins: &bins}}, Score: &bins,
		Figures: card.Figures{RMSE: &rmse}, Baseline: card.Figures{RMSE: &baseline},
	}
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := card.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, got); diff != "" {
		t.Error(diff)
	}
}

func TestBinsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "[]", `{"features":[{"name":"a","bins":{"cuts":[2,1],"weights":[1,1,1,1]}}]}`, `{"features":[{"name":"a","bins":{"cuts":[1,1],"weights":[1,1,1,1]}}]}`,
		`{"score":{"cuts":[1],"weights":[1,1]}}`, `{"score":{"cuts":[],"weights":[-1,1]}}`,
	} {
		if _, err := card.Decode([]byte(text)); !errors.Is(err, card.ErrCard) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if c, err := card.Decode([]byte(`{"trainer":"other","more":1}`)); err != nil || c.Score != nil {
		t.Errorf("a card of others: %+v, %v", c, err)
	}
}
