package identity

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Mirror is a link, or the taking back of one, as seen from its other end: an event about the other alias with the
// same place in the log, so that both activities fold it. It is false for events that concern one alias only.
func Mirror(r domain.Recorded) (domain.Recorded, bool) {
	switch b := r.Event.GetBody().(type) {
	case *event.Event_IdentityLinked:
		mirrored := turned(r.Event, b.IdentityLinked.GetOther(), b.IdentityLinked.GetOtherType())
		mirrored.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{
			Other: r.Event.GetAlias(), OtherType: r.Event.GetAliasType(),
			Rule: b.IdentityLinked.GetRule(), Posterior: b.IdentityLinked.GetPosterior(),
		}}
		return domain.Recorded{At: r.At, Event: mirrored}, true
	case *event.Event_IdentityUnlinked:
		mirrored := turned(r.Event, b.IdentityUnlinked.GetOther(), "")
		mirrored.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{
			Other: r.Event.GetAlias(),
			Rule:  b.IdentityUnlinked.GetRule(), Reason: b.IdentityUnlinked.GetReason(),
		}}
		return domain.Recorded{At: r.At, Event: mirrored}, true
	}
	return domain.Recorded{}, false
}

func turned(e *event.Event, alias []byte, aliasType string) *event.Event {
	return &event.Event{
		Id: e.GetId(), Alias: alias, AliasType: aliasType,
		OccurredMs: e.GetOccurredMs(), ReceivedMs: e.GetReceivedMs(),
		Source: e.GetSource(), SourceSeq: e.GetSourceSeq(), Channel: e.GetChannel(),
	}
}
