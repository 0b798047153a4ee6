package rpc

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/profferhq/proffer/gateway/metrics"
)

// counter counts every call that could be read, and how long it took.
type counter struct{ calls *metrics.Calls }

// NewCalls counts the calls of every procedure of the API.
func NewCalls() *metrics.Calls {
	var procedures []string
	for _, name := range serviceNames() {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			continue // its calls are counted with the unknown
		}
		methods := d.(protoreflect.ServiceDescriptor).Methods()
		for i := range methods.Len() {
			procedures = append(procedures, "/"+name+"/"+string(methods.Get(i).Name()))
		}
	}
	codes := []string{"ok"}
	for code := connect.CodeCanceled; code <= connect.CodeUnauthenticated; code++ {
		codes = append(codes, code.String())
	}
	return metrics.NewCalls(procedures, codes)
}

func (c counter) ended(procedure string, err error, started time.Time) {
	code := connect.Code(0) // no error; codes of errors begin with 1
	if err != nil {
		code = connect.CodeOf(err)
	}
	c.calls.Ended(procedure, int(code), time.Since(started))
}

// WrapUnary implements connect.Interceptor.
func (c counter) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		started := time.Now()
		response, err := next(ctx, r)
		c.ended(r.Spec().Procedure, err, started)
		return response, err
	}
}

// WrapStreamingClient implements connect.Interceptor; a server makes no calls.
func (counter) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (c counter) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		started := time.Now()
		err := next(ctx, conn)
		c.ended(conn.Spec().Procedure, err, started)
		return err
	}
}

// OperatorOnly lets only calls with the operator's key through: what is no procedure, and tells of the whole.
func OperatorOnly(keys Keys, next http.Handler) http.Handler {
	a := newAuthorizer(keys)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch a.roleOf(presentedIn(r.Header)) {
		case Operator:
			next.ServeHTTP(w, r)
		case Nobody:
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "send the operator's key: Authorization: Bearer KEY", http.StatusUnauthorized)
		default:
			http.Error(w, "this call needs the operator's key", http.StatusForbidden)
		}
	})
}
