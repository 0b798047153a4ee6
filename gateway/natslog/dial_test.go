package natslog

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

func TestDialRefuses(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]DialOptions{
		"no address":                {},
		"a certificate without key": {URL: "nats://127.0.0.1:1", TLSCert: "x"},
		"no server":                 {URL: "nats://127.0.0.1:1"},
	} {
		inVain(t, name, o)
	}
}

func inVain(t *testing.T, name string, o DialOptions) {
	t.Helper()
	nc, err := Dial(testContext(t), o)
	if err == nil {
		nc.Close()
		t.Errorf("%s: it connected", name)
	}
}

// connects dials and hears the server answer.
func connects(t *testing.T, o DialOptions) *nats.Conn {
	t.Helper()
	nc, err := Dial(testContext(t), o)
	must(t, err, "dial")
	t.Cleanup(nc.Close)
	must(t, nc.FlushWithContext(testContext(t)), "flush")
	return nc
}

// TestSilentServerIsGivenUp: a ping more than may be outstanding ends a connection.
func TestSilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	o := connects(t, DialOptions{URL: serve(t, &server.Options{})}).Opts
	if got := time.Duration(o.MaxPingsOut+1) * o.PingInterval; got != 30*time.Second || o.FlusherTimeout != 30*time.Second {
		t.Errorf("got %v until a silent server is given up and %v for a write, want 30s", got, o.FlusherTimeout)
	}
}

func TestDialWithCertificatesOfBothSides(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ours, theirs := newAuthority(t, dir, "ours"), newAuthority(t, dir, "theirs")
	certFile, keyFile := ours.issue(t, dir, "server")
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	must(t, err, "load the server's certificate")
	clients := x509.NewCertPool()
	clients.AddCert(ours.cert)
	url := serve(t, &server.Options{TLS: true, TLSVerify: true, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	}})

	cert, key := ours.issue(t, dir, "client")
	otherCert, otherKey := theirs.issue(t, dir, "other")
	nc := connects(t, DialOptions{URL: url, TLSCA: ours.file, TLSCert: cert, TLSKey: key})
	if _, err := nc.TLSConnectionState(); err != nil {
		t.Errorf("the connection: %v, want TLS", err)
	}
	for name, o := range map[string]DialOptions{
		"an authority that is not named":      {URL: url, TLSCert: cert, TLSKey: key},
		"another authority":                   {URL: url, TLSCA: theirs.file, TLSCert: cert, TLSKey: key},
		"no certificate of the client":        {URL: url, TLSCA: ours.file},
		"a certificate of another's":          {URL: url, TLSCA: ours.file, TLSCert: otherCert, TLSKey: otherKey},
		"a key that is not the certificate's": {URL: url, TLSCA: ours.file, TLSCert: cert, TLSKey: otherKey},
	} {
		inVain(t, name, o)
	}
	missing := filepath.Join(dir, "nothing.pem")
	if _, err := Dial(testContext(t), DialOptions{URL: url, TLSCA: missing, TLSCert: cert, TLSKey: key}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: got %v", err)
	}
}

func TestDialWithACredentialsFile(t *testing.T) {
	t.Parallel()
	operator, operatorID := newKey(t, nkeys.CreateOperator)
	account, accountID := newKey(t, nkeys.CreateAccount)
	text, err := jwt.NewOperatorClaims(operatorID).Encode(operator)
	must(t, err, "sign the operator")
	trusted, err := jwt.DecodeOperatorClaims(text)
	must(t, err, "read the operator")
	text, err = jwt.NewAccountClaims(accountID).Encode(operator)
	must(t, err, "sign the account")
	accounts := &server.MemAccResolver{}
	must(t, accounts.Store(accountID, text), "store the account")
	url := serve(t, &server.Options{TrustedOperators: []*jwt.OperatorClaims{trusted}, AccountResolver: accounts})

	dir := t.TempDir()
	user := func(name string, signer nkeys.KeyPair) string {
		key, id := newKey(t, nkeys.CreateUser)
		token, err := jwt.NewUserClaims(id).Encode(signer)
		must(t, err, "sign the user")
		seed, err := key.Seed()
		must(t, err, "seed")
		file, err := jwt.FormatUserConfig(token, seed)
		must(t, err, "format the credentials")
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, file, 0o600), "write the credentials")
		return path
	}
	connects(t, DialOptions{URL: url, CredentialsFile: user("ours.creds", account)})
	stranger, _ := newKey(t, nkeys.CreateAccount)
	inVain(t, "no credentials", DialOptions{URL: url})
	inVain(t, "credentials that a stranger signed", DialOptions{URL: url, CredentialsFile: user("other.creds", stranger)})
	inVain(t, "credentials that are not there", DialOptions{URL: url, CredentialsFile: filepath.Join(dir, "nothing.creds")})
}

// serve runs a plain NATS server until the test ends.
func serve(t *testing.T, o *server.Options) string {
	t.Helper()
	o.Host, o.Port, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(o)
	must(t, err, "make a server")
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(readyWithin) {
		t.Fatal("the server is not ready")
	}
	return s.ClientURL()
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	key, err := create()
	must(t, err, "make a key")
	id, err := key.PublicKey()
	must(t, err, "public key")
	return key, id
}

// authority signs certificates; file is its own, as PEM.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, dir, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err, "make a key")
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err, "sign the authority")
	cert, err := x509.ParseCertificate(der)
	must(t, err, "read the authority")
	return authority{cert, key, writePEM(t, filepath.Join(dir, name+"-ca.pem"), "CERTIFICATE", der)}
}

// issue makes a certificate and its key, for servers on loopback and for clients.
func (a authority) issue(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err, "make a key")
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	must(t, err, "sign a certificate")
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err, "write a key")
	return writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", der), writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", private)
}

func writePEM(t *testing.T, path, kind string, der []byte) string {
	t.Helper()
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600), "write "+path)
	return path
}
