package normal

import (
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain/identity"
)

func TestAdHashesAreThoseOfThePlatforms(t *testing.T) {
	t.Parallel()
	n, err := New(Options{Region: "GB"})
	if err != nil {
		t.Fatal(err)
	}
	const (
		digits = "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"
		e164   = "11f9231a47ccfd680a60606f73702bc2c0fb065a7f55c482269e51d9f9e868ae"
		person = "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"
	)
	for _, c := range []struct {
		name     string
		platform AdPlatform
		kind     string
		value    string
		want     string
	}{
		{"meta phone", Meta, "phone", "0044 844 412 4653", digits},
		{"snap phone", Snap, "phone", "+448444124653", digits},
		{"google phone", Google, "phone", "+44 8444 124653", e164},
		{"meta e-mail", Meta, "email", " Person@Example.com ", person},
		{"google e-mail", Google, "email", "person@example.com", person},
	} {
		id, err := n.Normalize(identity.Identifier{Type: c.kind, Value: c.value})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := AdHash(c.platform, id); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestOnlyGoogleDropsDots(t *testing.T) {
	t.Parallel()
	hash := func(p AdPlatform, value string) string {
		t.Helper()
		h, err := AdHash(p, identity.Identifier{Type: identity.Email, Value: value})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if hash(Google, "p.er.son@gmail.com") != hash(Google, "person@gmail.com") || hash(Google, "p.erson@googlemail.com") != hash(Google, "person@googlemail.com") {
		t.Error("Google's form keeps the dots of gmail.com")
	}
	if hash(Google, "p.erson@example.com") == hash(Google, "person@example.com") || hash(Meta, "p.erson@gmail.com") == hash(Meta, "person@gmail.com") {
		t.Error("dots are dropped where they tell people apart")
	}
}

func TestWhatNoPlatformTakesHasNoHash(t *testing.T) {
	t.Parallel()
	for _, id := range []identity.Identifier{{Type: "user_id", Value: "secret"}, {Type: "email", Value: "secret"}, {Type: "phone", Value: "secret"}, {Type: "email", Value: ".@gmail.com"}} {
		if got, err := AdHash(Google, id); err == nil || got != "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: got %q, %v", id, got, err)
		}
	}
	if _, err := AdHash(0, identity.Identifier{Type: "email", Value: "a@b.c"}); !errors.Is(err, ErrNoAdHash) {
		t.Errorf("no platform: got %v", err)
	}
}
