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

func TestYearsOfTwoDigitsAreReadWhereOneCenturyIsLeft(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"03/05/84": "19840503", "31.12.27": "19271231", "12/31/72": "19721231", "84-05-03": "19840503", "1 Jan 09": "20090101",
		"5-MAY-99": "19990505", "01/02/03": "20030201", "30/1/20": "20200130", "1990-05-03": "19900503",
	} {
		if d, ok := ParseDateIn(text, 2026); !ok || d.String() != want {
			t.Errorf("%q reads as %s, %v; want %s", text, d, ok, want)
		}
	}
	for _, text := range []string{"01/02/21", "01/02/26", "32/13/84", "1/2/3", "12/34/56"} {
		if d, ok := ParseDateIn(text, 2026); ok {
			t.Errorf("%q reads as %s", text, d)
		}
	}
	if _, ok := ParseDate("03/05/84"); ok {
		t.Error("without a year it is read all the same")
	}
}

func TestADateWithATypingErrorIsStillCompared(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"196-04-11": "1960411", "01960-04-09": "019600409", "200012-22": "20001222", "1913g-12-19": "19131219", "1952--224": "1952224",
		"soon": "", "12/311/1990": "", "132/28/1936": "", "1012/1969": "", "1990-01-0 10:00:00": "", "12": "",
	} {
		if form, _ := (Plain{}).Read(Date, text); form != want {
			t.Errorf("%q reads as %q, want %q", text, form, want)
		}
	}
}
