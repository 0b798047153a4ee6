package identity

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestIdentifierNeverPrintsItsValue(t *testing.T) {
	t.Parallel()
	id := Identifier{Type: Email, Value: "somebody@example.com"}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "id", id, "ids", []Identifier{id})
	encoded, err := json.Marshal(map[string]any{"id": id})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(id), fmt.Sprintf("%v %+v %#v %s %q %x %d", id, id, id, id, id, id, id), fmt.Sprintf("%v", []Identifier{id}),
		fmt.Sprintf("%+v", struct{ ID Identifier }{id}), fmt.Sprintf("%v", &id), logged.String(), string(encoded),
	} {
		if strings.Contains(text, "somebody") || !strings.Contains(text, "email") {
			t.Errorf("printed %s", text)
		}
	}
}

func TestValidType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"user_id": true, "crm2": true, "": false, "User": false, "2x": false, "_x": false, "a-b": false, "a.b": false,
		strings.Repeat("x", 40): true, strings.Repeat("x", 41): false,
	} {
		if got := ValidType(text); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}
