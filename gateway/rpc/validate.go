package rpc

import (
	"context"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"connectrpc.com/validate"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// validator refuses requests that break the constraints of their schema. Requests for one decision are the many:
// one that plainly keeps them is let through without asking the schema, which costs as much as choosing.
type validator struct{ *validate.Interceptor }

func newValidator() validator { return validator{validate.NewInterceptor()} }

// WrapUnary implements connect.Interceptor.
func (v validator) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	bySchema := v.Interceptor.WrapUnary(next)
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		if decide, ok := r.Any().(*profferv1.DecideRequest); ok && plainlyValid(decide) {
			return next(ctx, r)
		}
		return bySchema(ctx, r)
	}
}

// validMember says whether one request of a batch keeps its schema: the batch's own leaves that to each.
func validMember(r *profferv1.DecideRequest) error {
	if plainlyValid(r) {
		return nil
	}
	if err := protovalidate.Validate(r); err != nil {
		return refusal(connect.CodeInvalidArgument, "INVALID_ARGUMENT", err.Error())
	}
	return nil
}

// Limits in bytes, none wider than the schema's, which counts characters.
const (
	plainIdentifiers = 10
	plainPlacement   = 100
	plainNotBefore   = 60
)

// plainlyValid is true only of what the schema allows; what it refuses, or is unsure of, the schema judges.
func plainlyValid(r *profferv1.DecideRequest) bool {
	n := len(r.GetIdentifiers())
	return n >= 1 && n <= plainIdentifiers &&
		r.GetPlacement() != "" && len(r.GetPlacement()) <= plainPlacement &&
		len(r.GetNotBefore()) <= plainNotBefore
}
