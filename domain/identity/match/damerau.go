package match

// maxEdits bounds the edits that DamerauLevenshtein looks for.
const maxEdits = 7

// DamerauLevenshtein is the number of insertions, deletions, replacements and swaps of neighbours that turn a into b,
// no place edited twice (the restricted distance), or most+1 when it takes more than most. most is 7 at most; only the
// first 64 runes count.
func DamerauLevenshtein(a, b []rune, most int) int {
	a, b = a[:min(len(a), maxCompared)], b[:min(len(b), maxCompared)]
	most = max(0, min(most, maxEdits))
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > most {
		return most + 1
	}
	for len(a) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) == 0 {
		return len(b)
	}
	return banded(a, b, most)
}

// banded fills the diagonal band of the table within which a path of at most most edits stays; three rows suffice.
func banded(a, b []rune, most int) int {
	var rows [3][maxCompared + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = min(j, most+1)
	}
	for i := 1; i <= len(a); i++ {
		from, to := max(1, i-most), min(len(b), i+most)
		row[from-1] = most + 1
		if from == 1 {
			row[0] = min(i, most+1)
		}
		best := row[from-1]
		for j := from; j <= to; j++ {
			row[j] = edits(a, b, i, j, before, last, row, most, j == i+most)
			best = min(best, row[j])
		}
		if to < len(b) {
			row[to+1] = most + 1
		}
		if best > most {
			return most + 1
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most+1)
}

// edits is one cell; at the band's upper edge the cell above is outside.
func edits(a, b []rune, i, j int, before, last, row *[maxCompared + 1]int, most int, edge bool) int {
	cost := 1
	if a[i-1] == b[j-1] {
		cost = 0
	}
	d := min(last[j-1]+cost, row[j-1]+1)
	if !edge {
		d = min(d, last[j]+1)
	}
	if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] && abs(i-j) <= most {
		d = min(d, before[j-2]+1)
	}
	return min(d, most+1)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
