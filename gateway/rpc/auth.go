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

// presentedIn is the key that the caller of a request shows, as "Authorization: Bearer KEY" or by Basic as the user
// name; "" for none.
func presentedIn(h http.Header) string {
	authorization := h.Get("Authorization")
	if scheme, key, _ := strings.Cut(authorization, " "); strings.EqualFold(scheme, "Bearer") {
		return key
	}
	r := http.Request{Header: h}
	if key, _, basic := r.BasicAuth(); basic {
		return key
	}
	return authorization
}

// digest of a key; digests are compared, so that neither the content nor the length of a key shows in the time it
// takes.
type digest [sha256.Size]byte

func (d digest) equal(other digest) bool { return subtle.ConstantTimeCompare(d[:], other[:]) == 1 }

// sourceServices are open to a source's key; everything else is the operator's.
var sourceServices = []string{"/proffer.v1.IngestService/", "/proffer.v1.DecisionService/", "/grpc.health.v1.Health/"}

// authorizer refuses calls whose key does not carry the role that the procedure needs.
type authorizer struct {
	// keys by their digest; a role without a key is nobody's.
	keys []roleKey
}

type roleKey struct {
	role Role
	key  digest
}

func newAuthorizer(k Keys) authorizer {
	var a authorizer
	for _, pair := range []struct {
		role Role
		key  string
	}{{Source, k.Source}, {Operator, k.Operator}} {
		if pair.key != "" {
			a.keys = append(a.keys, roleKey{pair.role, sha256.Sum256([]byte(pair.key))})
		}
	}
	return a
}

// roleOf is what a key may do: the most, should two roles have the same.
func (a authorizer) roleOf(presented string) Role {
	role, of := Nobody, digest(sha256.Sum256([]byte(presented)))
	for _, k := range a.keys {
		if of.equal(k.key) {
			role = k.role
		}
	}
	return role
}

// roleKeyed is where a context holds the role of its call.
type roleKeyed struct{}

// roleIn says whether a call is the operator's: its role, or Nobody's where the role makes no difference.
func roleIn(ctx context.Context) Role {
	role, _ := ctx.Value(roleKeyed{}).(Role) // Nobody's when there is none
	return role
}

// check is the role of a call's key, if it may make the call.
func (a authorizer) check(procedure string, h http.Header) (Role, error) {
	role := a.roleOf(presentedIn(h))
	if role == Nobody {
		return role, refusal(connect.CodeUnauthenticated, "KEY_REFUSED", "send the key of a source or of the operator: Authorization: Bearer KEY")
	}
	if role == Operator {
		return role, nil
	}
	for _, prefix := range sourceServices {
		if strings.HasPrefix(procedure, prefix) {
			return role, nil
		}
	}
	return role, refusal(connect.CodePermissionDenied, "OPERATOR_KEY_NEEDED", "this call needs the operator's key")
}

// WrapUnary implements connect.Interceptor.
func (a authorizer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		role, err := a.check(r.Spec().Procedure, r.Header())
		if err != nil {
			return nil, err
		}
		if role == Operator {
			ctx = context.WithValue(ctx, roleKeyed{}, role)
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
		if _, err := a.check(conn.Spec().Procedure, conn.RequestHeader()); err != nil {
			return err
		}
		return next(ctx, conn)
	}
}
