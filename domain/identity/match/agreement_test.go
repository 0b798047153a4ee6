package match

import "testing"

func TestThresholdsOutsideOfWhatATestMeasuresAreRefused(t *testing.T) {
	t.Parallel()
	for level, good := range map[string]bool{
		"jaro_winkler>=1": true, "jaro_winkler>=1.01": false, "jaro_winkler>=85": false, "exact|tokens>=7": false,
		"tokens_jaro_winkler>=92": false, "local_jaro_winkler>=90": false, "edit_share<=3": false, "edit_share<=0.34": true,
		"prefix>=4": true, "days<=31": true, "difference<=250": true, "intersection>=2": true,
		"damerau_levenshtein<=2": true, "damerau_levenshtein<=900": false, "days<=-1": false, "days<=x": false, "days": false,
	} {
		if _, err := parseTests(level); (err == nil) != good {
			t.Errorf("%q: %v", level, err)
		}
	}
}
