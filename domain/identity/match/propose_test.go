package match

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestColumnsAreRecognised(t *testing.T) {
	t.Parallel()
	names := []string{"ann", "bob", "ann", "eve"}
	for _, c := range []struct {
		column string
		values []string
		want   Kind
	}{
		{"given_name", names, GivenName}, {"FirstName", names, GivenName}, {"fname", names, GivenName}, {"名", []string{"小明", "伟"}, GivenName},
		{"surname", names, Surname}, {"LastName", names, Surname}, {"姓名", []string{"王小明", "李伟"}, FullName},
		{"date_of_birth", []string{"19081209", "19990219"}, Date}, {"col7", []string{"1999-01-02", "2000-02-03"}, Date},
		{"x", []string{"a@b.example", "c@d.example"}, Email}, {"email_address", []string{"a@b.example", "c@d.example"}, Email}, {"Email Address", []string{"a at b", "c@d.example", "e@f.example"}, Email}, {"手机号", []string{"13812345678", "13912345678"}, Phone},
		{"soc_sec_id", []string{"6988048", "7364009"}, NationalID}, {"postcode", []string{"4011", "4814"}, Postcode},
		{"suburb", names, Locality}, {"state", []string{"nsw", "vic", "nsw"}, Region}, {"street_number", []string{"6", "69"}, Number},
		{"address_1", []string{"tullaroop street", "giblin street"}, Street}, {"remarks", []string{"likes tea", "calls often", "was here", "has a dog"}, Text},
		{"rec_id", []string{"rec-1-org", "rec-2-org"}, ""}, {"unique_id", []string{"1", "2", "3"}, ""}, {"cluster", []string{"1", "1", "2"}, ""},
		{"constant", []string{"a", "a"}, ""}, {"empty", []string{"", ""}, ""},
	} {
		if k, ok := Recognise(Column{Name: c.column, Values: c.values}); k != c.want || ok != (c.want != "") {
			t.Errorf("%s is %q, want %q", c.column, k, c.want)
		}
	}
}

func TestEveryKindHasAValidProposal(t *testing.T) {
	t.Parallel()
	for _, k := range []Kind{GivenName, Surname, FullName, Date, Email, Phone, Locality, Postcode, Region, Street, Number,
		NationalID, Text, Array, CoPresence} {
		m := Model{Name: "one", Fields: []Field{{Name: "only", Kind: k}}}
		if err := ProposeFor(&m); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
}

func TestTheDocumentIsCanonical(t *testing.T) {
	t.Parallel()
	m, _, _ := fittedPeople(t)
	first, err := m.Model().Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(second)); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"a","prior":0,"records":0,"fields":[{"name":"x","kind":"text"}],"comparisons":[{"name":"x","field":"x","levels":[{"level":"exact","m":0,"u":0},{"level":"else","m":0,"u":0}]}],"blocks":[["x"]]}`))
	f.Add([]byte(`{"fields":[{"name":"x","kind":"array"}],"blocks":[["x:any"]]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		m, err := Decode(document)
		if err != nil {
			return
		}
		matcher, err := NewMatcher(m)
		if err != nil {
			t.Fatalf("a valid model has no matcher: %v", err)
		}
		p := matcher.Prepare(Record{Values: [][]string{{"1999-01-02"}, {"a@b"}, {"12"}}}, Plain{})
		matcher.Compare(&p, &p, matcher.NewFrequencies())
		if _, err := m.Encode(); err != nil {
			t.Fatalf("it cannot be encoded: %v", err)
		}
	})
}

// Columns are recognised by their names in other languages too.
func TestColumnsOfOtherLanguages(t *testing.T) {
	t.Parallel()
	values := []string{"anna", "bruno", "carla", "anna"}
	dates := []string{"12/03/1980", "01.02.1975", "1990-05-06"}
	for names, want := range map[string]Kind{
		"Vorname,prénom,Nombre,voornaam": GivenName, "Nachname,NOM,apellidos,cognome,Achternaam": Surname,
		"Wohnort,ville,ciudad,città,Cidade": Locality, "Straße,rue,calle,indirizzo,Adresse": Street,
		"PLZ,code_postal,código postal,CAP": Postcode, "Geschlecht,sexe,sexo": Category, "Telefonnummer,téléphone,móvil": Phone,
		"nom complet,nombre completo": FullName,
	} {
		for name := range strings.SplitSeq(names, ",") {
			if k, ok := Recognise(Column{Name: name, Values: values}); !ok || k != want {
				t.Errorf("%s: %q, want %q", name, k, want)
			}
		}
	}
	for name := range strings.SplitSeq("Geburtsdatum,date_de_naissance,fecha de nacimiento,DataDiNascita,geboortedatum", ",") {
		if k, ok := Recognise(Column{Name: name, Values: dates}); !ok || k != Date {
			t.Errorf("%s: %q, want a date", name, k)
		}
	}
}
