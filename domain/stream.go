package domain

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/domain/event"
)

// Stream is one of the log's streams.
type Stream uint8

// The streams, in the order in which a cut lists them.
const (
	Behaviour Stream = iota
	Identity
	Decision
	Outcome
	Policy
	Quarantine

	Streams = int(Quarantine) + 1
)

var streamNames = [Streams]string{"BEHAVIOUR", "IDENTITY", "DECISION", "OUTCOME", "POLICY", "QUARANTINE"}

// AllStreams lists the streams in order.
func AllStreams() []Stream {
	return []Stream{Behaviour, Identity, Decision, Outcome, Policy, Quarantine}
}

// String is the stream's name in the log: "BEHAVIOUR".
func (s Stream) String() string {
	if int(s) >= Streams {
		return fmt.Sprintf("STREAM(%d)", uint8(s))
	}
	return streamNames[s]
}

// ParseStream reads a name as String writes it.
func ParseStream(name string) (Stream, error) {
	for i, n := range streamNames {
		if n == name {
			return Stream(i), nil
		}
	}
	return 0, fmt.Errorf("domain: no stream is called %q", name)
}

// Partitions is the number of hash partitions: lanes are contiguous ranges of them.
const Partitions = 64

// PartitionOf is the hash partition of an alias: FNV-1a (32 bit) of its bytes, modulo Partitions.
func PartitionOf(a Alias) int {
	h := fnv.New32a()
	_, _ = h.Write(a[:])
	return int(h.Sum32() % Partitions)
}

// Lane is the unit of order, ownership and group commit: one subject of a stream.
// Key is the lane's number for streams about people (but see MovesLane), "<kind>.<id>" for POLICY and the source for
// QUARANTINE.
type Lane struct {
	Stream Stream
	Key    string
}

// LaneOf is the lane of an alias in a stream with that many lanes (1 to Partitions).
func LaneOf(s Stream, a Alias, lanes int) Lane {
	return Lane{Stream: s, Key: strconv.Itoa(PartitionOf(a) * lanes / Partitions)}
}

// MovesLane is the lane of BEHAVIOUR in which people enter and leave segments. What somebody does is appended by whoever
// hears of it; a move follows from all moves before it, so that these have one order and an owner of their own.
func MovesLane() Lane { return Lane{Stream: Behaviour, Key: "moves"} }

// PolicyLane is the lane of one policy, offer, view, ... Its tokens are made safe for a subject.
func PolicyLane(kind, id string) Lane {
	return Lane{Stream: Policy, Key: token(kind) + "." + token(id)}
}

// QuarantineLane is the lane of one source's refused items.
func QuarantineLane(source string) Lane {
	return Lane{Stream: Quarantine, Key: token(source)}
}

// Subject is the lane's subject in the log: "behaviour.0".
func (l Lane) Subject() string {
	return strings.ToLower(l.Stream.String()) + "." + l.Key
}

// ParseSubject reads what Subject wrote.
func ParseSubject(subject string) (Lane, error) {
	name, key, ok := strings.Cut(subject, ".")
	if !ok || key == "" {
		return Lane{}, fmt.Errorf("domain: %q is not a lane's subject", subject)
	}
	s, err := ParseStream(strings.ToUpper(name))
	return Lane{Stream: s, Key: key}, err
}

// token keeps letters, digits, '-' and '_'; every other byte becomes '=' and two hex digits, so that
// different names stay different. An empty name becomes "=".
func token(name string) string {
	if name == "" {
		return "="
	}
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02x", c)
		}
	}
	return b.String()
}

// StreamOf is the stream an event belongs to; false for a body this version does not know.
func StreamOf(e *event.Event) (Stream, bool) {
	switch e.GetBody().(type) {
	case *event.Event_Viewed, *event.Event_Carted, *event.Event_Purchased, *event.Event_Refunded, *event.Event_Tracked,
		*event.Event_SegmentEntered, *event.Event_SegmentLeft:
		return Behaviour, true
	case *event.Event_IdentityLinked, *event.Event_IdentityUnlinked, *event.Event_IdentityWithheld, *event.Event_IdentityBarred,
		*event.Event_AliasMarked, *event.Event_GuardsChanged, *event.Event_TraitsChanged, *event.Event_GroupJoined,
		*event.Event_MatchProposed, *event.Event_MatchReviewed, *event.Event_MatchModelChanged,
		*event.Event_ConsentStated:
		return Identity, true
	case *event.Event_Decision:
		return Decision, true
	case *event.Event_Delivered, *event.Event_Exposed, *event.Event_Clicked, *event.Event_Converted:
		return Outcome, true
	case *event.Event_OfferDefined, *event.Event_PolicyPublished, *event.Event_FeatureViewPublished,
		*event.Event_FeatureViewSwitched, *event.Event_ModelRegistered, *event.Event_ModelAssigned, *event.Event_AlertRaised, *event.Event_ModelLimitsSet,
		*event.Event_SegmentDefined, *event.Event_DefinitionWithdrawn:
		return Policy, true
	case *event.Event_Quarantined, *event.Event_QuarantineResolved:
		return Quarantine, true
	}
	return 0, false
}

// TimeOf is when an event happened, Unix milliseconds: a decision's own time, else as its source said, else when it was
// accepted.
func TimeOf(e *event.Event) int64 {
	if now := e.GetDecision().GetNowMs(); now != 0 {
		return now
	}
	if e.GetOccurredMs() != 0 {
		return e.GetOccurredMs()
	}
	return e.GetReceivedMs()
}

// TypeOf names an event for people and tables: "purchased". External decisions are "external_decision".
// An event of a later version is "unknown".
func TypeOf(e *event.Event) string {
	switch b := e.GetBody().(type) {
	case *event.Event_Viewed:
		return "viewed"
	case *event.Event_Carted:
		return "carted"
	case *event.Event_Purchased:
		return "purchased"
	case *event.Event_Refunded:
		return "refunded"
	case *event.Event_Tracked:
		return "tracked"
	case *event.Event_SegmentEntered:
		return "segment_entered"
	case *event.Event_SegmentLeft:
		return "segment_left"
	case *event.Event_IdentityLinked:
		return "identity_linked"
	case *event.Event_IdentityUnlinked:
		return "identity_unlinked"
	case *event.Event_TraitsChanged:
		return "traits_changed"
	case *event.Event_GroupJoined:
		return "group_joined"
	case *event.Event_IdentityWithheld:
		return "identity_withheld"
	case *event.Event_AliasMarked:
		return "alias_marked"
	case *event.Event_IdentityBarred:
		return "identity_barred"
	case *event.Event_GuardsChanged:
		return "guards_changed"
	case *event.Event_MatchProposed:
		return "match_proposed"
	case *event.Event_MatchReviewed:
		return "match_reviewed"
	case *event.Event_MatchModelChanged:
		return "match_model_changed"
	case *event.Event_ConsentStated:
		return "consent_stated"
	case *event.Event_Decision:
		if b.Decision.GetExternal() {
			return "external_decision"
		}
		return "decision"
	case *event.Event_Delivered:
		return "delivered"
	case *event.Event_Exposed:
		return "exposed"
	case *event.Event_Clicked:
		return "clicked"
	case *event.Event_Converted:
		return "converted"
	case *event.Event_OfferDefined:
		return "offer_defined"
	case *event.Event_PolicyPublished:
		return "policy_published"
	case *event.Event_FeatureViewPublished:
		return "feature_view_published"
	case *event.Event_FeatureViewSwitched:
		return "feature_view_switched"
	case *event.Event_ModelRegistered:
		return "model_registered"
	case *event.Event_ModelAssigned:
		return "model_assigned"
	case *event.Event_AlertRaised:
		return "alert_raised"
	case *event.Event_ModelLimitsSet:
		return "model_limits_set"
	case *event.Event_SegmentDefined:
		return "segment_defined"
	case *event.Event_DefinitionWithdrawn:
		return "definition_withdrawn"
	case *event.Event_Quarantined:
		return "quarantined"
	case *event.Event_QuarantineResolved:
		return "quarantine_resolved"
	}
	return "unknown"
}
