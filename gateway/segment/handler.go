package segment

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain"
)

// Ingest is what takes the events; see commands.Ingest.
type Ingest interface {
	Ingest(ctx context.Context, source string, items []commands.Item, validateOnly bool) ([]commands.Verdict, error)
}

// Handler answers POST /v1/{identify,track,page,screen,group,alias,batch,validate}, and the one-letter paths of the
// browser's library. Mount it at /v1/.
type Handler struct {
	ingest Ingest
	keys   *Keys
	now    func() time.Time
	mux    *http.ServeMux
	memory memory
}

// kinds are the paths and the type of event each takes; "" takes a batch.
var kinds = [...]struct{ path, kind string }{
	{"identify", "identify"}, {"track", "track"}, {"page", "page"}, {"screen", "screen"}, {"group", "group"},
	{"alias", "alias"}, {"batch", ""}, {"import", ""},
	{"i", "identify"}, {"t", "track"}, {"p", "page"}, {"s", "screen"}, {"g", "group"}, {"a", "alias"}, {"b", ""},
}

// New returns the handler; now is when a request is received.
func New(ingest Ingest, keys *Keys, now func() time.Time) *Handler {
	h := &Handler{ingest: ingest, keys: keys, now: now, mux: http.NewServeMux()}
	for _, k := range kinds {
		h.posts(k.path, func(w http.ResponseWriter, r *http.Request) { h.take(w, r, k.kind, false) })
	}
	h.posts("validate", func(w http.ResponseWriter, r *http.Request) { h.take(w, r, "", true) })
	h.mux.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) {
		refusal{http.StatusNotFound, "NOT_FOUND", "there is no such path"}.write(w)
	})
	return h
}

// posts makes a path that takes POST only.
func (h *Handler) posts(path string, take http.HandlerFunc) {
	h.mux.HandleFunc("POST /v1/"+path, take)
	h.mux.HandleFunc("/v1/"+path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "POST, OPTIONS")
		refusal{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "this path takes POST"}.write(w)
	})
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Browsers send from the pages of any site; the write key says whose they are, no cookie does.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodOptions {
		preflight(w)
		return
	}
	h.mux.ServeHTTP(w, r)
}

func preflight(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding")
	w.Header().Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// answer is what a sender gets. Success says that the request was understood, as Segment's does; rejected says
// which of its events were not.
type answer struct {
	Success    bool       `json:"success"`
	Accepted   int        `json:"accepted"`
	Duplicates int        `json:"duplicates"`
	Rejected   []rejected `json:"rejected"`
}

type rejected struct {
	Index   int    `json:"index"`
	Reason  string `json:"reason"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// failure is the answer to a request that was not taken.
type failure struct {
	Success bool   `json:"success"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func (h *Handler) take(w http.ResponseWriter, r *http.Request, kind string, validateOnly bool) {
	receivedMS := h.now().UnixMilli()
	room := h.memory.room()
	defer h.memory.release(room)
	if problem := h.memory.readBody(r, &room.body); problem != nil {
		problem.write(w)
		return
	}
	req := request{elements: room.elements}
	root, err := jsontext.Visit(room.body.Bytes(), MaxBodyBytes, req.see) // however deep: an event that is too deep is refused by itself
	room.elements = req.elements
	if err != nil || root.Kind() != jsontext.Object {
		refusal{http.StatusBadRequest, commands.ReasonInvalidJSON, "the body is not a JSON object"}.write(w)
		return
	}
	source, ok := h.authenticate(r, req)
	if !ok {
		refusal{http.StatusUnauthorized, "INVALID_WRITE_KEY", "the write key is missing or wrong"}.write(w)
		return
	}
	if kind == "" && req.batch.Kind() == jsontext.Array {
		if problem := req.items(room, receivedMS); problem != nil {
			problem.write(w)
			return
		}
		h.answer(w, r, source, room.items, validateOnly)
		return
	} else if kind == "" && !validateOnly {
		refusal{http.StatusBadRequest, commands.ReasonInvalidJSON, "a batch has its events in an array called batch"}.write(w)
		return
	}
	if kind == "" {
		kind = req.kind
	}
	(&envelope{room: room, kind: kind, receivedMS: receivedMS, garbled: !utf8.Valid(root.Raw())}).item(root)
	h.answer(w, r, source, room.items, validateOnly)
}

// authenticate finds the source by the write key: the user name of Basic authentication, or the body's writeKey.
func (h *Handler) authenticate(r *http.Request, req request) (string, bool) {
	if key, _, ok := r.BasicAuth(); ok {
		return h.keys.Source(key)
	}
	return h.keys.Source(req.writeKey)
}

// request is what the body says of itself.
type request struct {
	kind, writeKey                       string
	batch, context, integrations, sentAt jsontext.Value
	// events are the batch's elements.
	events []jsontext.Value
	// elements are those of every member called batch, the last of which counts, and from is where the next one's begin.
	elements []jsontext.Value
	from     int
}

// see takes a member of the body, or an element of one. It keeps one event more than a batch may have.
func (r *request) see(member []byte, element bool, v jsontext.Value) {
	if element {
		if string(member) == "batch" && len(r.elements)-r.from <= commands.MaxItems {
			r.elements = append(r.elements, v)
		}
		return
	}
	switch string(member) {
	case "type":
		r.kind, _ = v.Text()
	case "writeKey":
		r.writeKey, _ = v.Text()
	case "batch":
		r.batch, r.events, r.from = v, r.elements[r.from:], len(r.elements)
	case "context":
		r.context = v
	case "integrations":
		r.integrations = v
	case "sentAt":
		r.sentAt = v
	}
}

// maxShared bounds what a batch says of all its events, in bytes, as it is copied into each.
const maxShared = 8 << 20

// items puts the batch's events into the room, if there are not too many.
func (r request) items(room *room, receivedMS int64) *refusal {
	shared := len(r.context.Raw()) + len(r.integrations.Raw())
	e := &envelope{room: room, context: r.context, integrations: r.integrations, sentAt: sentWhen(r.sentAt), receivedMS: receivedMS}
	e.garbled = !utf8.Valid(room.body.Bytes())
	for _, v := range r.events {
		n := len(room.items)
		if n == commands.MaxItems {
			return &refusal{http.StatusBadRequest, commands.ReasonTooManyEvents, "a batch may have 2,500 events"}
		}
		if (n+1)*shared > maxShared {
			return &refusal{http.StatusBadRequest, commands.ReasonTooManyEvents, "what a batch says of all its events may have 8 MB, counted for each"}
		}
		e.item(v)
	}
	return nil
}

// answer ingests the items and says what became of each.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, source string, items []commands.Item, validateOnly bool) {
	out := answer{Success: true, Rejected: []rejected{}}
	verdicts, err := h.ingest.Ingest(r.Context(), source, items, validateOnly)
	if err != nil {
		failed(w, err)
		return
	}
	for i, v := range verdicts {
		switch v.Status {
		case commands.Accepted:
			out.Accepted++
		case commands.Duplicate:
			out.Duplicates++
		case commands.Rejected:
			out.Rejected = append(out.Rejected, rejected{Index: i, Reason: v.Reason, Field: v.Field, Message: v.Message})
		}
	}
	writeJSON(w, http.StatusOK, out)
}

// failed answers for a log that did not take the request. The sender is to send all of it again: what was written
// already is then a duplicate.
func failed(w http.ResponseWriter, err error) {
	retry := time.Second
	switch {
	case errors.Is(err, domain.ErrLogFull):
		retry = time.Minute
	case errors.Is(err, domain.ErrUnavailable), errors.Is(err, domain.ErrLaneLost),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	default:
		slog.Error("segment request failed", "error", err)
		refusal{http.StatusInternalServerError, "INTERNAL", "internal error: the server's log has the cause"}.write(w)
		return
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(retry/time.Second)))
	refusal{http.StatusServiceUnavailable, "LOG_UNAVAILABLE", "nothing was acknowledged: send it again"}.write(w)
}

// refusal is why a whole request is not taken.
type refusal struct {
	status          int
	reason, message string
}

func (f refusal) write(w http.ResponseWriter) {
	writeJSON(w, f.status, failure{Reason: f.reason, Message: f.message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		slog.Error("segment answer failed", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // the sender may be gone; what it sent is durable
}
