package jsontext

// With is the object with one member more, at its end. What is no object counts as an empty one.
func (v Value) With(name string, member Value) Value {
	_, with := v.AppendWith(make([]byte, 0, len(v.raw)+len(name)+len(member.raw)+8), name, member)
	return with
}

// AppendWith is With in memory at the end of b, which it returns longer. The value is valid until that memory is used anew.
func (v Value) AppendWith(b []byte, name string, member Value) ([]byte, Value) {
	start := len(b)
	if v.Kind() == Object && !v.Empty() {
		b = append(append(b, v.raw[:len(v.raw)-1]...), ',')
	} else {
		b = append(b, '{')
	}
	b = append(AppendString(b, name), ':')
	b = append(append(b, member.raw...), '}')
	return b, Value{raw: b[start:len(b):len(b)]}
}

// Quote is the text as a value.
func Quote(text string) Value { return Value{raw: AppendString(nil, text)} }

// Over is the object with those members of under that it does not have itself. One level is merged, no deeper.
func (v Value) Over(under Value) Value {
	switch {
	case under.Kind() != Object || under.Empty():
		return v
	case v.Kind() != Object || v.Empty():
		return under
	}
	raw := append(make([]byte, 0, len(v.raw)+len(under.raw)+1), v.raw[:len(v.raw)-1]...)
	for name, member := range under.Members() {
		if v.Member(string(name)).IsZero() {
			raw = append(raw, ',')
			raw = append(AppendString(raw, string(name)), ':')
			raw = append(raw, member.raw...)
		}
	}
	return Value{raw: append(raw, '}')}
}

// AppendString writes s as a JSON string.
func AppendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
