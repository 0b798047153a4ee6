package match

import "testing"

func TestDatesWithTheMonthAsAWord(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2 January 1990": "19900102", "12 January 1980": "19800112", "Jan 2, 1990": "19900102", "02-JAN-1990": "19900102",
		"1990-Oct-31": "19901031", "31 October 1990": "19901031", "October 31st, 1990": "19901031", "2 août 1990": "19900802",
		"14 juillet 1989": "19890714", "3 juin 1989": "19890603", "24. Dezember 1971": "19711224", "1 März 1971": "19710301",
		"5 enero 2001": "20010105", "9 ottobre 1999": "19991009", "1990-05-03T10:00:00": "19900503", "03/05/1990": "19900503",
	} {
		if d, ok := ParseDate(text); !ok || d.String() != want {
			t.Errorf("%q reads as %s, %v; want %s", text, d, ok, want)
		}
	}
	for _, text := range []string{"may", "Mark Anthony 1990", "12 Foo 1990", "Jan Jan 1990", "January 1990", "x 12 1990"} {
		if d, ok := ParseDate(text); ok {
			t.Errorf("%q reads as %s", text, d)
		}
	}
}
