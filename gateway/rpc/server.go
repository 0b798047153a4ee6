// Package rpc answers the API: Connect, gRPC and plain JSON on one port. It maps messages to commands, decisions
// and audits and back; it decides nothing.
package rpc

import (
	"net/http"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
	"github.com/profferhq/proffer/gateway/metrics"
)

const (
	// maxMessage bounds a request: 2,500 items of a batch, far below what would hurt.
	maxMessage = 8 << 20
	// compressFrom keeps small answers uncompressed: a decision is smaller than what gzip would cost.
	compressFrom = 4 << 10
	// readHeaderTimeout stops connections that never ask. There is no write timeout: it would cut server streams.
	readHeaderTimeout = 5 * time.Second
	bodyTimeout       = time.Minute
	// silenceTimeout is for clients that keep a stream open for what may come.
	silenceTimeout = 10 * time.Minute
)

// Services are the handlers of the API, one for each service.
type Services struct {
	Ingest     profferv1connect.IngestServiceHandler
	Decisions  profferv1connect.DecisionServiceHandler
	Audit      profferv1connect.AuditServiceHandler
	Policies   profferv1connect.PolicyServiceHandler
	Quarantine profferv1connect.QuarantineServiceHandler
	Operations profferv1connect.OperationsServiceHandler
	Identity   profferv1connect.IdentityServiceHandler
	Models     profferv1connect.ModelServiceHandler
	Features   profferv1connect.FeatureServiceHandler
	Segments   profferv1connect.SegmentServiceHandler
}

// Mount adds the API, its reflection and its health service to a mux. It counts the calls in calls, which NewCalls makes.
func Mount(mux *http.ServeMux, keys Keys, s Services, calls *metrics.Calls) {
	options := []connect.HandlerOption{
		connect.WithInterceptors(counter{calls}, translator{}, newAuthorizer(keys), newValidator()),
		connect.WithReadMaxBytes(maxMessage),
		connect.WithCompressMinBytes(compressFrom),
		connect.WithCodec(binary{}),
		connect.WithCodec(strictJSON{name: "json"}),
		connect.WithCodec(strictJSON{name: "json; charset=utf-8"}),
	}
	told := connect.NewErrorWriter(options...)
	mount := func(path string, h http.Handler) { mux.Handle(path, &reasoned{next: h, errors: told}) }
	mount(profferv1connect.NewIngestServiceHandler(s.Ingest, options...))
	mount(profferv1connect.NewDecisionServiceHandler(s.Decisions, options...))
	mount(profferv1connect.NewAuditServiceHandler(s.Audit, options...))
	mount(profferv1connect.NewPolicyServiceHandler(s.Policies, options...))
	mount(profferv1connect.NewQuarantineServiceHandler(s.Quarantine, options...))
	mount(profferv1connect.NewOperationsServiceHandler(s.Operations, options...))
	mount(profferv1connect.NewIdentityServiceHandler(s.Identity, options...))
	mount(profferv1connect.NewModelServiceHandler(s.Models, options...))
	mount(profferv1connect.NewFeatureServiceHandler(s.Features, options...))
	mount(profferv1connect.NewSegmentServiceHandler(s.Segments, options...))
	names := serviceNames()
	reflector := grpcreflect.NewStaticReflector(names...)
	mux.Handle(grpcreflect.NewHandlerV1(reflector))
	mux.Handle(grpcreflect.NewHandlerV1Alpha(reflector))
	mux.Handle(grpchealth.NewHandler(grpchealth.NewStaticChecker(names...)))
}

func serviceNames() []string {
	return []string{
		profferv1connect.IngestServiceName, profferv1connect.DecisionServiceName, profferv1connect.AuditServiceName,
		profferv1connect.PolicyServiceName, profferv1connect.QuarantineServiceName, profferv1connect.OperationsServiceName,
		profferv1connect.IdentityServiceName, profferv1connect.ModelServiceName, profferv1connect.FeatureServiceName,
		profferv1connect.SegmentServiceName,
	}
}

// Server serves a handler over HTTP/1.1 and over HTTP/2 without TLS, as gRPC clients on a private network want it.
func Server(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	handler = punctual{handler, bodyTimeout, silenceTimeout}
	return &http.Server{Handler: handler, Protocols: protocols, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: 2 * time.Minute}
}
