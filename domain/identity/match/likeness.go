package match

import "math/bits"

// likeness computes the similarities of one pair of values, each once. Its zero value is ready; common and most are
// the loosest thresholds that matter: what cannot reach them is not computed.
type likeness struct {
	common     float64
	most       int
	winkler    float64
	tokensLike float64
	distance   int
	done       uint8
}

// Bits of likeness.done.
const (
	doneWinkler = 1 << iota
	doneTokens
	doneEdits
)

// jaroWinkler is 0 for values that cannot reach common.
func (l *likeness) jaroWinkler(a, b *form) float64 {
	if l.done&doneWinkler == 0 {
		l.done |= doneWinkler
		if l.common == 0 || mostWinkler(a.runes, b.runes, a.letters, b.letters) >= l.common {
			l.winkler = JaroWinkler(a.runes, b.runes)
		}
	}
	return l.winkler
}

// edits is the distance, or more than most when it is more than that.
func (l *likeness) edits(a, b *form, most int) int {
	if least := max(bits.OnesCount64(a.letters&^b.letters), bits.OnesCount64(b.letters&^a.letters)); least > most {
		return most + 1
	}
	if l.done&doneEdits == 0 {
		l.done |= doneEdits
		l.most = max(l.most, most)
		l.distance = DamerauLevenshtein(a.runes, b.runes, l.most)
	}
	if most > l.most {
		return DamerauLevenshtein(a.runes, b.runes, most)
	}
	return l.distance
}

func (l *likeness) tokens(a, b *form) float64 {
	if l.done&doneTokens == 0 {
		l.done |= doneTokens
		l.tokensLike = a.tokensAlike(b)
	}
	return l.tokensLike
}

// lettersOf has a bit for each rune that occurs, up to collisions, which only make values look more alike.
func lettersOf(runes []rune) uint64 {
	letters := uint64(0)
	for _, r := range runes[:min(len(runes), maxCompared)] {
		letters |= 1 << (uint64(r) * 0x9e3779b97f4a7c15 >> 58)
	}
	return letters
}

// mostWinkler is what Jaro-Winkler cannot exceed, from the letters that occur in one value only.
func mostWinkler(a, b []rune, lettersA, lettersB uint64) float64 {
	la, lb := min(len(a), maxCompared), min(len(b), maxCompared)
	m := float64(max(0, min(la-bits.OnesCount64(lettersA&^lettersB), lb-bits.OnesCount64(lettersB&^lettersA))))
	if m == 0 {
		return 0
	}
	jaro := (m/float64(la) + m/float64(lb) + 1) / 3
	if a[0] != b[0] {
		return jaro
	}
	return jaro + float64(winklerPrefix*winklerScale*(1-jaro))
}
