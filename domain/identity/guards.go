package identity

import (
	"fmt"
	"time"

	"github.com/profferhq/proffer/domain/event"
)

// Bounds of a guards document.
const (
	MaxGuardedTypes   = 64
	MaxPatterns       = 100 // of one type
	MaxPatternBytes   = 200
	MaxProfileMost    = 100_000
	MaxTypeMost       = 100_000
	MaxSharedAbove    = 10_000
	MaxWindow         = 100 * 366 * 24 * time.Hour
	DefaultProfileMax = 1_000
)

// Guards are the rules that hold on the graph, compiled. They do not change: other guards are other Guards.
type Guards struct {
	document    *event.IdentityGuards
	types       map[string]*typeGuard
	limits      []*typeGuard // those with a limit, strongest first
	profileMost int
}

// typeGuard is what holds for one type.
type typeGuard struct {
	kind        string
	rank        int
	most        int
	windowMS    int64
	sharedAbove int
	blocked     []*pattern
}

// GuardsInvalid says what is wrong with a guards document.
type GuardsInvalid struct {
	// Field is in the document's terms, for example types[2].blocked_patterns[0].
	Field string
	// Message is for people.
	Message string
}

// Error names the field and what is wrong with it.
func (g *GuardsInvalid) Error() string { return "identity: guards: " + g.Field + ": " + g.Message }

// NewGuards compiles a document; nil stands for DefaultGuards. It fails with *GuardsInvalid. The document must not be
// changed afterwards.
func NewGuards(document *event.IdentityGuards) (*Guards, error) {
	if document == nil {
		document = DefaultGuards()
	}
	g := &Guards{document: document, types: map[string]*typeGuard{}, profileMost: int(document.GetProfileMost())}
	if document.GetProfileMost() > MaxProfileMost {
		return nil, invalid("profile_most", "%d is more than %d", document.GetProfileMost(), MaxProfileMost)
	}
	if g.profileMost == 0 {
		g.profileMost = DefaultProfileMax
	}
	if n := len(document.GetTypes()); n > MaxGuardedTypes {
		return nil, invalid("types", "%d types are more than %d", n, MaxGuardedTypes)
	}
	for i, t := range document.GetTypes() {
		compiled, err := newTypeGuard(fmt.Sprintf("types[%d]", i), i, t)
		if err != nil {
			return nil, err
		}
		if _, twice := g.types[compiled.kind]; twice {
			return nil, invalid(fmt.Sprintf("types[%d].type", i), "%s is listed twice", compiled.kind)
		}
		g.types[compiled.kind] = compiled
		if compiled.most > 0 {
			g.limits = append(g.limits, compiled)
		}
	}
	return g, nil
}

func newTypeGuard(field string, rank int, t *event.IdentifierGuard) (*typeGuard, error) {
	if !ValidType(t.GetType()) {
		return nil, invalid(field+".type", "not a type of identifier: small letters, digits and _, %d bytes at most", MaxTypeBytes)
	}
	if t.GetMost() > MaxTypeMost {
		return nil, invalid(field+".most", "%d is more than %d", t.GetMost(), MaxTypeMost)
	}
	if w := t.GetWindowMs(); w < 0 || w > MaxWindow.Milliseconds() {
		return nil, invalid(field+".window_ms", "%d is not within 0 (ever) and 100 years", w)
	}
	if t.GetWindowMs() > 0 && t.GetMost() == 0 {
		return nil, invalid(field+".window_ms", "a window without a limit (most) means nothing")
	}
	if t.GetSharedAbove() > MaxSharedAbove {
		return nil, invalid(field+".shared_above", "%d is more than %d", t.GetSharedAbove(), MaxSharedAbove)
	}
	if n := len(t.GetBlockedPatterns()); n > MaxPatterns {
		return nil, invalid(field+".blocked_patterns", "%d patterns are more than %d", n, MaxPatterns)
	}
	g := &typeGuard{
		kind: t.GetType(), rank: rank, most: int(t.GetMost()), windowMS: t.GetWindowMs(), sharedAbove: int(t.GetSharedAbove()),
	}
	for i, pattern := range t.GetBlockedPatterns() {
		compiled, err := newPattern(pattern)
		if err != nil {
			return nil, invalid(fmt.Sprintf("%s.blocked_patterns[%d]", field, i), "%v", err)
		}
		g.blocked = append(g.blocked, compiled)
	}
	return g, nil
}

func invalid(field, format string, args ...any) *GuardsInvalid {
	return &GuardsInvalid{Field: field, Message: fmt.Sprintf(format, args...)}
}

// DefaultGuards hold where no GuardsChanged was recorded: version 0. The blocked patterns are close to those that Segment
// suggests, and the words that programs write for no value. A single 0 means somebody: systems count from it.
func DefaultGuards() *event.IdentityGuards {
	nobody := []string{`^(-?|[0-]{2,})$`, `^-1$`, `(?i)^(null|undefined|none|nil|nan|anonymous|unknown|guest|n/a)$`}
	guard := func(kind string, most, sharedAbove uint32) *event.IdentifierGuard {
		return &event.IdentifierGuard{Type: kind, Most: most, SharedAbove: sharedAbove, BlockedPatterns: nobody}
	}
	return &event.IdentityGuards{
		Types: []*event.IdentifierGuard{
			guard(UserID, 1, 0), guard(Email, 0, 5), guard(Phone, 0, 5), guard(OpenID, 0, 0),
			guard(AnonymousID, 0, 5), guard(DeviceID, 0, 5),
		},
		ProfileMost: DefaultProfileMax,
	}
}

// defaultGuards are DefaultGuards compiled; they are well formed, as a test holds.
func defaultGuards() *Guards {
	g, err := NewGuards(nil)
	if err != nil {
		panic(err)
	}
	return g
}

// Document is what the guards were compiled from; it must not be changed.
func (g *Guards) Document() *event.IdentityGuards { return g.document }

// Rank orders types: the smallest is the strongest. Types that are not listed share the last rank; among them the
// name decides.
func (g *Guards) Rank(kind string) int {
	if t := g.types[kind]; t != nil {
		return t.rank
	}
	return len(g.types)
}

// Blocked says whether an identifier in normal form means nobody, by the patterns of its type.
func (g *Guards) Blocked(id Identifier) bool {
	t := g.types[id.Type]
	if t == nil {
		return false
	}
	for _, pattern := range t.blocked {
		if pattern.matches(id.Value) {
			return true
		}
	}
	return false
}

// Most is how many identifiers of the type a profile may have within the window; 0 is any number, and a window of 0
// is ever.
func (g *Guards) Most(kind string) (most int, window time.Duration) {
	if t := g.types[kind]; t != nil {
		return t.most, time.Duration(t.windowMS) * time.Millisecond
	}
	return 0, 0
}

// SharedAbove is with how many people an identifier of the type may be seen before it is shared; 0 is any number.
func (g *Guards) SharedAbove(kind string) int {
	if t := g.types[kind]; t != nil {
		return t.sharedAbove
	}
	return 0
}

// withoutSharing are the same guards where nothing becomes shared.
func (g *Guards) withoutSharing() *Guards {
	without := *g
	without.types = make(map[string]*typeGuard, len(g.types))
	for kind, t := range g.types {
		copied := *t
		copied.sharedAbove = 0
		without.types[kind] = &copied
	}
	return &without
}

// ProfileMost is how many aliases a profile may have.
func (g *Guards) ProfileMost() int { return g.profileMost }
