package jsontext

// levels are what is open around a place in a text, a bit a level: it is an object, else an array. The zero value is
// none. Up to 64 levels allocate nothing.
type levels struct {
	depth int
	// inner are the innermost levels, the last of them in the lowest bit, and outer those around them, 64 at a time.
	inner uint64
	outer []uint64
}

// enter adds a level.
func (l *levels) enter(object bool) {
	if l.depth > 0 && l.depth%64 == 0 {
		l.outer = append(l.outer, l.inner)
	}
	l.depth++
	l.inner <<= 1
	if object {
		l.inner |= 1
	}
}

// leave drops the innermost level.
func (l *levels) leave() {
	l.depth--
	l.inner >>= 1
	if last := len(l.outer) - 1; last >= 0 && l.depth%64 == 0 {
		l.inner, l.outer = l.outer[last], l.outer[:last]
	}
}

// inObject says whether the innermost level is an object.
func (l *levels) inObject() bool { return l.inner&1 == 1 }
