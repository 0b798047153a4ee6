package rpc

import (
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// What is let through without the schema is allowed by it, whatever the request.
func TestWhatIsPlainlyValidIsValid(t *testing.T) {
	t.Parallel()
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(rapid.SampledFrom([]string{"a", "é", "語"}).Draw(t, "letter"), rapid.IntRange(0, 110).Draw(t, "letters"))
	})
	rapid.Check(t, func(t *rapid.T) {
		r := &profferv1.DecideRequest{Placement: text.Draw(t, "placement"), NotBefore: text.Draw(t, "not before")}
		for range rapid.IntRange(0, 12).Draw(t, "identifiers") {
			r.Identifiers = append(r.Identifiers, &profferv1.Identifier{Type: text.Draw(t, "type"), Value: text.Draw(t, "value")})
		}
		if err := protovalidate.Validate(r); plainlyValid(r) && err != nil {
			t.Fatalf("let through, but %v", err)
		}
	})
	if !plainlyValid(&profferv1.DecideRequest{Identifiers: []*profferv1.Identifier{{}}, Placement: strings.Repeat("x", plainPlacement)}) {
		t.Error("an ordinary request went the long way")
	}
}

// What is left out has a default; 0 that was said has none.
func TestZeroIsRefusedWhereItMeansNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field        string
		absent, zero proto.Message
	}{
		{"limit", &profferv1.ListMembersRequest{Id: "a", Segment: "b"}, &profferv1.ListMembersRequest{Id: "a", Segment: "b", Limit: new(uint32)}},
		{"limit", &profferv1.RecommendItemsRequest{Who: &profferv1.Who{}}, &profferv1.RecommendItemsRequest{Who: &profferv1.Who{}, Limit: new(uint32)}},
		{"limit", &profferv1.ListLifetimeValuesRequest{}, &profferv1.ListLifetimeValuesRequest{Limit: new(uint32)}},
		{"horizon_days", &profferv1.ListLifetimeValuesRequest{}, &profferv1.ListLifetimeValuesRequest{HorizonDays: new(uint32)}},
		{"people", &profferv1.CompareViewsRequest{View: "v"}, &profferv1.CompareViewsRequest{View: "v", People: new(uint32)}},
		{"days", &profferv1.SetModelLimitsRequest{Use: "u"}, &profferv1.SetModelLimitsRequest{Use: "u", Days: new(uint32)}},
		{"least", &profferv1.SetModelLimitsRequest{Use: "u"}, &profferv1.SetModelLimitsRequest{Use: "u", Least: new(uint64)}},
		{"page_size", &profferv1.ListRefusedRequest{}, &profferv1.ListRefusedRequest{PageSize: new(int32)}},
		{"page_size", listed(nil), listed(new(int32))},
		{"decisions", previewed(nil), previewed(new(int32))},
	} {
		if err := protovalidate.Validate(c.absent); err != nil {
			t.Errorf("%T without %s: %v", c.absent, c.field, err)
		}
		if err := protovalidate.Validate(c.zero); err == nil || !strings.Contains(err.Error(), c.field+": must be greater than or equal to 1") {
			t.Errorf("%T with %s 0: got %v, want the range", c.zero, c.field, err)
		}
	}
}

func listed(size *int32) *profferv1.IdentityServiceListRequest {
	return &profferv1.IdentityServiceListRequest{Kind: profferv1.IdentityServiceListRequest_KIND_REVIEW, PageSize: size}
}

func previewed(decisions *int32) *profferv1.PreviewRequest {
	return &profferv1.PreviewRequest{Change: &profferv1.PreviewRequest_Guards{Guards: "x"}, Decisions: decisions}
}
