package rpc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"connectrpc.com/connect"
)

// Role is what a key may do.
type Role int

// A source may send events and ask for decisions; an operator may do everything.
const (
	Nobody Role = iota
	Source
	Operator
)

// Keys are the server's keys. They are compared in constant time and never logged.
type Keys struct {
	Source   string
	Operator string
}

// RoleOf is what the caller of a request may do, by "Authorization: Bearer KEY" or by Basic with the key as user name.
func (k Keys) RoleOf(h http.Header) Role {
	r := http.Request{Header: h}
	presented, _, basic := r.BasicAuth()
	if !basic {
		presented, _ = strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	}
	return k.RoleOfKey(presented)
}

// RoleOfKey is what a key may do.
func (k Keys) RoleOfKey(presented string) Role {
	role := Nobody
	if equal(presented, k.Source) {
		role = Source
	}
	if equal(presented, k.Operator) {
		role = Operator
	}
	return role
}

// equal compares digests, so that neither the content nor the length of a key shows in the time it takes.
func equal(presented, key string) bool {
	p, k := sha256.Sum256([]byte(presented)), sha256.Sum256([]byte(key))
	return key != "" && subtle.ConstantTimeCompare(p[:], k[:]) == 1
}

// sourceServices are open to a source's key; everything else is the operator's.
var sourceServices = []string{"/proffer.v1.IngestService/", "/proffer.v1.DecisionService/", "/grpc.health.v1.Health/"}

// authorizer refuses calls whose key does not carry the role that the procedure needs.
type authorizer struct{ keys Keys }

func (a authorizer) check(procedure string, h http.Header) error {
	role := a.keys.RoleOf(h)
	if role == Nobody {
		return refusal(connect.CodeUnauthenticated, "KEY_REFUSED", "send the key of a source or of the operator: Authorization: Bearer KEY")
	}
	if role == Operator {
		return nil
	}
	for _, prefix := range sourceServices {
		if strings.HasPrefix(procedure, prefix) {
			return nil
		}
	}
	return refusal(connect.CodePermissionDenied, "OPERATOR_KEY_NEEDED", "this call needs the operator's key")
}

// WrapUnary implements connect.Interceptor.
func (a authorizer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		if err := a.check(r.Spec().Procedure, r.Header()); err != nil {
			return nil, err
		}
		return next(ctx, r)
	}
}

// WrapStreamingClient implements connect.Interceptor; a server makes no calls.
func (a authorizer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (a authorizer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := a.check(conn.Spec().Procedure, conn.RequestHeader()); err != nil {
			return err
		}
		return next(ctx, conn)
	}
}
