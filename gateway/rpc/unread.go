package rpc

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// reasoned gives their reason to refusals of requests that cannot be read: connect writes those before an interceptor
// sees the call. Everything else it passes on as it is, without a copy.
type reasoned struct {
	next   http.Handler
	errors *connect.ErrorWriter
	// responses are used again, so that a call costs no allocation more.
	responses sync.Pool
}

// ServeHTTP implements http.Handler.
func (h *reasoned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	held, ok := h.responses.Get().(*response)
	if !ok {
		held = new(response)
	}
	*held = response{ResponseWriter: w, request: r, errors: h.errors}
	h.next.ServeHTTP(held, r)
	held.end()
	*held = response{}
	h.responses.Put(held)
}

// response holds the status of an error back until its body says whether a reason is missing.
type response struct {
	http.ResponseWriter
	request *http.Request
	errors  *connect.ErrorWriter
	// held is the status of an error whose body is still to come; 0 for none.
	held int
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(code int) {
	if code < http.StatusBadRequest {
		w.ResponseWriter.WriteHeader(code)
		return
	}
	w.held = code
}

// Write implements http.ResponseWriter. The body of an error comes in one piece.
func (w *response) Write(body []byte) (int, error) {
	if w.held == 0 {
		return w.ResponseWriter.Write(body)
	}
	code := w.held
	w.held = 0
	var told struct {
		Code    connect.Code      `json:"code"`
		Message string            `json:"message"`
		Details []json.RawMessage `json:"details"`
	}
	err := json.Unmarshal(body, &told)
	switch {
	case err == nil && told.Details != nil:
		w.ResponseWriter.WriteHeader(code)
		return w.ResponseWriter.Write(body)
	case err == nil:
		refused := withReason(connect.NewError(told.Code, errors.New(told.Message)))
		return len(body), w.errors.Write(w.ResponseWriter, w.request, refused)
	}
	return len(body), w.refuseCall(code)
}

// refuseCall is for a request that is no call of a procedure: it is answered with a status only.
func (w *response) refuseCall(code int) error {
	return w.errors.Write(keepStatus{w.ResponseWriter, code}, w.request, refusedCall(code, w.Header().Get("Accept-Post")))
}

// keepStatus writes one status, whatever is asked for.
type keepStatus struct {
	http.ResponseWriter
	code int
}

func (w keepStatus) WriteHeader(int) { w.ResponseWriter.WriteHeader(w.code) }

// Flush implements http.Flusher. gRPC flushes its status, which is no body, at the end.
func (w *response) Flush() {
	for _, prefix := range []string{"", http.TrailerPrefix} {
		reasonInTrailer(w.Header(), prefix)
	}
	if flusher, ok := w.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

// Unwrap lets http.ResponseController reach what this does not do itself.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// end answers what was left without a body.
func (w *response) end() {
	if w.held != 0 {
		_ = w.refuseCall(w.held) // whoever asked has gone
	}
}

// reasonInTrailer adds the details to a status of gRPC that has none.
func reasonInTrailer(h http.Header, prefix string) {
	const code, message, details = "Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"
	if len(h[prefix+code]) == 0 || h[prefix+code][0] == "0" || len(h[prefix+details]) > 0 {
		return
	}
	number, err := strconv.ParseUint(h[prefix+code][0], 10, 32)
	if err != nil {
		return
	}
	text := h.Get(prefix + message)
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	refused := withReason(connect.NewError(connect.Code(number), errors.New(text)))
	told := &status.Status{Code: int32(refused.Code()), Message: refused.Message()} //nolint:gosec // codes are below 17
	for _, d := range refused.Details() {
		told.Details = append(told.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type(), Value: d.Bytes()})
	}
	if bytes, err := proto.Marshal(told); err == nil {
		h[prefix+code] = []string{strconv.Itoa(int(refused.Code()))}
		h[prefix+details] = []string{connect.EncodeBinaryHeader(bytes)}
	}
}
