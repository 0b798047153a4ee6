package e2e

import (
	"testing"

	"connectrpc.com/connect"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
)

func TestIdentityRefusesInItsOwnTerms(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.buy("1", "user_id:a")
	s.buy("2", "user_id:b")
	ctx, client := t.Context(), s.identity()
	a, b := person("user_id:a"), person("user_id:b")
	get := func(r *profferv1.GetRequest) func() error {
		return func() error { _, err := client.Get(ctx, r); return err }
	}
	for name, c := range map[string]struct {
		call   func() error
		code   connect.Code
		reason string
	}{
		"never seen":     {get(&profferv1.GetRequest{Who: person("user_id:nobody")}), connect.CodeNotFound, "IDENTIFIER_UNKNOWN"},
		"no phone":       {get(&profferv1.GetRequest{Who: person("phone:123")}), connect.CodeInvalidArgument, "IDENTIFIER_INVALID"},
		"no alias":       {get(&profferv1.GetRequest{Who: &profferv1.Who{Who: &profferv1.Who_Alias{Alias: "x"}}}), connect.CodeInvalidArgument, "WHO_INVALID"},
		"no cut":         {get(&profferv1.GetRequest{Who: a, AsOf: &profferv1.GetRequest_Cut{Cut: "yesterday"}}), connect.CodeInvalidArgument, "CUT_INVALID"},
		"a stream twice": {get(&profferv1.GetRequest{Who: a, AsOf: &profferv1.GetRequest_Cut{Cut: "IDENTITY/1 IDENTITY/2"}}), connect.CodeInvalidArgument, "CUT_INVALID"},
		"no view":        {get(&profferv1.GetRequest{Who: a, View: "none@1"}), connect.CodeNotFound, "UNKNOWN_VIEW"},
		"itself": {func() error {
			_, err := client.Link(ctx, &profferv1.LinkRequest{First: a, Second: a})
			return err
		}, connect.CodeInvalidArgument, "SAME_IDENTIFIER"},
		"what is not linked": {func() error {
			_, err := client.Unlink(ctx, &profferv1.UnlinkRequest{First: a, Second: b})
			return err
		}, connect.CodeFailedPrecondition, "NOTHING_TO_UNLINK"},
		"an empty preview": {func() error {
			_, err := client.Preview(ctx, &profferv1.PreviewRequest{})
			return err
		}, connect.CodeInvalidArgument, "CHANGE_REQUIRED"},
		"guards": {func() error {
			_, err := client.SetGuards(ctx, &profferv1.SetGuardsRequest{Document: "types: [{type: user_id, mots: 1}]"})
			return err
		}, connect.CodeInvalidArgument, "GUARDS_INVALID"},
		"a model": {func() error {
			_, err := client.SetMatching(ctx, &profferv1.SetMatchingRequest{Document: "x: 1"})
			return err
		}, connect.CodeInvalidArgument, "MODEL_INVALID"},
		"no records": {func() error {
			_, err := client.SetMatching(ctx, &profferv1.SetMatchingRequest{})
			return err
		}, connect.CodeFailedPrecondition, "TOO_FEW_RECORDS"},
		"no mark": {func() error {
			_, err := client.Mark(ctx, &profferv1.MarkRequest{Who: a})
			return err
		}, connect.CodeInvalidArgument, "INVALID_ARGUMENT"},
		"not proposed": {func() error {
			first, second := s.profile("user_id:a").GetProfile(), s.profile("user_id:b").GetProfile()
			_, err := client.Review(ctx, &profferv1.ReviewRequest{Alias: first.GetProfile(), Other: second.GetProfile(), Confirm: true})
			return err
		}, connect.CodeNotFound, "NOT_PROPOSED"},
		"a page of another list": {func() error {
			_, err := client.List(ctx, &profferv1.IdentityServiceListRequest{Kind: profferv1.IdentityServiceListRequest_KIND_BARRED, PageToken: "eA"})
			return err
		}, connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID"},
		"a source's key": {func() error {
			source := profferv1connect.NewIdentityServiceClient(s.client(s.file.Key), s.file.URL)
			_, err := source.Resolve(ctx, &profferv1.ResolveRequest{Who: a})
			return err
		}, connect.CodePermissionDenied, "OPERATOR_KEY_NEEDED"},
	} {
		wantRefusal(t, name, c.call(), c.code, c.reason)
	}
}
