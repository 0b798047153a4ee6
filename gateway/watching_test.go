package gateway

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain/label"
)

func TestConversionsAreWaitedForAsLongAsTheirLabelSays(t *testing.T) {
	t.Parallel()
	want := map[string]int64{"conversion_7d": 7 * 24 * 3600 * 1000}
	if diff := cmp.Diff(want, conversionWindows(label.Shipped())); diff != "" {
		t.Error(diff)
	}
}
