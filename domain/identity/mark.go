package identity

import "github.com/profferhq/proffer/domain/event"

// Mark says how the links of one alias count.
type Mark uint8

// The marks of an alias.
const (
	// Unmarked: its links join.
	Unmarked Mark = iota
	// Shared: it was seen with too many people; its links tell a household and join nobody.
	Shared
	// Blocked: its value means nobody; its links join nobody.
	Blocked
)

// String is "", "shared" or "blocked".
func (m Mark) String() string {
	switch m {
	case Shared:
		return "shared"
	case Blocked:
		return "blocked"
	}
	return ""
}

// Proto is the mark as an event carries it.
func (m Mark) Proto() event.AliasMarked_Mark {
	switch m {
	case Shared:
		return event.AliasMarked_MARK_SHARED
	case Blocked:
		return event.AliasMarked_MARK_BLOCKED
	}
	return event.AliasMarked_MARK_NONE
}

// MarkOf reads what Proto wrote. It is false for marks of a later version.
func MarkOf(m event.AliasMarked_Mark) (mark Mark, known bool) {
	switch m {
	case event.AliasMarked_MARK_NONE:
		return Unmarked, true
	case event.AliasMarked_MARK_SHARED:
		return Shared, true
	case event.AliasMarked_MARK_BLOCKED:
		return Blocked, true
	}
	return Unmarked, false
}
