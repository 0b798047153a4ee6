package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/profferhq/proffer/gateway"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
)

// target says which server a command talks to.
type target struct {
	Server string `help:"URL of a running server." env:"PROFFER_SERVER" placeholder:"URL"`
	Data   string `help:"Data folder of a server, running or not; data unless given." default:"data" env:"PROFFER_DATA_DIR" placeholder:"DIR"`
	Key    string `help:"File with the operator's key, for --server (default: server.json of the data folder)." env:"PROFFER_OPERATOR_KEY_FILE" placeholder:"FILE"`

	// rebuilding: a server that is started here is started to rebuild.
	rebuilding bool
}

// remote is a server to talk to.
type remote struct {
	url        string
	http       *http.Client
	ingest     profferv1connect.IngestServiceClient
	decisions  profferv1connect.DecisionServiceClient
	audit      profferv1connect.AuditServiceClient
	policies   profferv1connect.PolicyServiceClient
	features   profferv1connect.FeatureServiceClient
	quarantine profferv1connect.QuarantineServiceClient
	identity   profferv1connect.IdentityServiceClient
	operations profferv1connect.OperationsServiceClient
	models     profferv1connect.ModelServiceClient
	segments   profferv1connect.SegmentServiceClient
	close      func() error
}

// errNoServer: there is no server to talk to, and no data to open.
var errNoServer = errors.New("no server answers")

// open finds the running server or starts one on the data folder until close. It makes no data folder: one that is
// misspelt would answer as if nothing had ever happened.
func (t target) open(ctx context.Context) (*remote, error) {
	file, err := gateway.ReadServerFile(t.Data)
	known := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if t.Server != "" {
		if u, err := url.Parse(t.Server); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return nil, fmt.Errorf("%w: --server wants a URL such as http://127.0.0.1:8420", gateway.ErrUsage)
		}
		key := file.OperatorKey
		if t.Key != "" {
			if key, err = gateway.ReadKey(t.Key); err != nil {
				return nil, fmt.Errorf("%w: %w", gateway.ErrUsage, err)
			}
		}
		return dial(strings.TrimSuffix(t.Server, "/"), key, nil), nil
	}
	if known && alive(ctx, file.URL) {
		return dial(file.URL, file.OperatorKey, nil), nil
	}
	if _, err := os.Stat(filepath.Join(t.Data, "nats")); !known && err != nil {
		return nil, fmt.Errorf("%w, and the folder %s holds no data of one; start it with proffer serve, or name it with --data or --server",
			errNoServer, t.Data)
	}
	return t.start(ctx)
}

// start serves the data folder from this process, on a free loopback port, until close.
func (t target) start(ctx context.Context) (*remote, error) {
	config, err := gateway.DefaultConfig()
	if err != nil {
		return nil, err
	}
	config.Data, config.Listen, config.Rebuilding = t.Data, "127.0.0.1:0", t.rebuilding
	node, err := gateway.Start(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", t.Data, err)
	}
	return dial(node.URL(), node.OperatorKey(), node.Close), nil
}

func alive(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/livez", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func dial(url, key string, closing func() error) *remote {
	if closing == nil {
		closing = func() error { return nil }
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 256,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}
	client := &http.Client{Transport: bearer{key: key, next: transport}}
	return &remote{
		url: url, http: client, close: closing,
		ingest:     profferv1connect.NewIngestServiceClient(client, url),
		decisions:  profferv1connect.NewDecisionServiceClient(client, url),
		audit:      profferv1connect.NewAuditServiceClient(client, url),
		policies:   profferv1connect.NewPolicyServiceClient(client, url),
		quarantine: profferv1connect.NewQuarantineServiceClient(client, url),
		identity:   profferv1connect.NewIdentityServiceClient(client, url),
		features:   profferv1connect.NewFeatureServiceClient(client, url),
		operations: profferv1connect.NewOperationsServiceClient(client, url),
		models:     profferv1connect.NewModelServiceClient(client, url),
		segments:   profferv1connect.NewSegmentServiceClient(client, url),
	}
}

// bearer sends the key with every request.
type bearer struct {
	key  string
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.key != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.key)
	}
	return b.next.RoundTrip(r)
}

// with opens the target, does the work and closes it again.
func (t target) with(r *run, work func(*remote) error) error {
	server, err := t.open(r.ctx)
	if err != nil {
		return err
	}
	return errors.Join(work(server), server.close())
}

// describe is a refusal in a word: its reason where it has one, else its code.
func describe(err *connect.Error) string {
	for _, d := range err.Details() {
		if v, e := d.Value(); e == nil {
			if info, ok := v.(*errdetails.ErrorInfo); ok {
				return info.GetReason()
			}
		}
	}
	return err.Code().String()
}
