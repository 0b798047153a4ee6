package normal_test

import (
	"testing"

	"github.com/profferhq/proffer/domain/identity/match"
	"github.com/profferhq/proffer/gateway/normal"
)

func TestFieldsAreReadInNormalForm(t *testing.T) {
	t.Parallel()
	f, err := normal.NewFields(normal.Options{Region: "CN"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind             match.Kind
		value, form, key string
	}{
		{match.GivenName, "  Ｊｏｓé ", "jose", "j200"}, {match.Surname, "O’Brien-Smith", "obrien-smith", "o165"},
		{match.Surname, "Straße", "strasse", "s362"}, {match.Surname, "Null", "null", "n400"}, {match.Locality, "null", "", ""},
		{match.FullName, "王小明", "王小明", "wang xiao ming"}, {match.FullName, "王晓明", "王晓明", "wang xiao ming"},
		{match.FullName, "Smith, John", "smith john", "j500 s530"},
		{match.Phone, "138 1234 5678", "8613812345678", ""}, {match.Phone, "+86 138-1234-5678", "8613812345678", ""}, {match.Phone, "12-3", "123", ""},
		{match.Email, " Ann.B@Example.COM ", "ann.b@example.com", ""}, {match.Email, "Ann at home", "ann at home", ""},
		{match.Date, "1990年1月2日", "19900102", ""}, {match.Date, "02/01/1990", "19900102", ""}, {match.Date, "1990-01-02T10:00:00Z", "19900102", ""},
		{match.Date, "12/31/1990", "19901231", ""}, {match.Date, "soon", "", ""}, {match.Postcode, "SW1A 1AA", "sw1a1aa", ""},
		{match.Text, "N/A", "", ""},
	} {
		if form, key := f.Read(c.kind, c.value); form != c.form || key != c.key {
			t.Errorf("%s: %q is %q with key %q, want %q and %q", c.kind, c.value, form, key, c.form, c.key)
		}
	}
}

func FuzzFields(f *testing.F) {
	fields, err := normal.NewFields(normal.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("王小明")
	f.Add("José  O'Brien")
	f.Fuzz(func(t *testing.T, value string) {
		for _, k := range []match.Kind{match.FullName, match.Email, match.Phone, match.Date, match.Text} {
			form, _ := fields.Read(k, value)
			if again, _ := fields.Read(k, form); k == match.FullName && again != form {
				t.Fatal("the normal form has another normal form")
			}
		}
	})
}
