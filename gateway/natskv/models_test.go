package natskv_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/natskv"
)

func TestModels(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		decidertest.TestModelBytes(t, &decidertest.ModelBytes{})
	})
	t.Run("object store", func(t *testing.T) {
		t.Parallel()
		decidertest.TestModelBytes(t, openModels(t))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		m, err := natskv.OpenModels(t.Context(), connectCluster(t), 3)
		if err != nil {
			t.Fatal(err)
		}
		decidertest.TestModelBytes(t, m)
	})
}

func openModels(t *testing.T) *natskv.Models {
	t.Helper()
	m, err := natskv.OpenModels(t.Context(), connect(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAModelWhoseBytesWereChangedIsNone(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	m, err := natskv.OpenModels(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := m.Put(t.Context(), []byte("what was registered"))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := js.ObjectStore(t.Context(), "models")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objects.PutBytes(t.Context(), digest.String(), []byte("what somebody put there")); err != nil {
		t.Fatal(err)
	}
	if _, known, err := m.Get(t.Context(), digest); known || err != nil {
		t.Errorf("known: %v, %v", known, err)
	}
	// Registering the true bytes again mends it.
	if _, err := m.Put(t.Context(), []byte("what was registered")); err != nil {
		t.Fatal(err)
	}
	if data, known, err := m.Get(t.Context(), digest); !known || err != nil || string(data) != "what was registered" {
		t.Errorf("mended: %q, %v, %v", data, known, err)
	}
}

func TestModelsWithoutAServer(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	m, err := natskv.OpenModels(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if _, _, err := m.Get(t.Context(), domain.Hash{1}); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("get: %v", err)
	}
	if _, err := m.Put(t.Context(), []byte("x")); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("put: %v", err)
	}
}
