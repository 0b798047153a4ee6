package lab

import (
	"context"
	"fmt"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"

	"github.com/profferhq/proffer/domain/session"
)

// Properties of an item that say which session it belongs to.
const (
	propertySession  = "session"
	propertyVisitor  = "visitor"
	propertyUser     = "user"
	propertyPageView = "page_view"
	propertyLooking  = "looking"
)

// HitOf is what an item says about sessions. A view opens a page; anything else with the property looking says that
// somebody is still at one.
func HitOf(source string, item *profferv1.Item) session.Hit {
	properties := item.GetProperties().GetFields()
	h := session.Hit{
		ID: item.GetMessageId(), Session: properties[propertySession].GetStringValue(), Visitor: properties[propertyVisitor].GetStringValue(),
		User: properties[propertyUser].GetStringValue(), View: properties[propertyPageView].GetStringValue(),
		OccurredMS: item.GetTime().AsTime().UnixMilli(), ReceivedMS: item.GetReceived().AsTime().UnixMilli(),
	}
	if h.ID == "" {
		h.ID = fmt.Sprint(source, "#", item.GetSourceSeq())
	}
	if item.GetReceived() == nil {
		h.ReceivedMS = h.OccurredMS
	}
	switch {
	case item.GetType() == "view":
		h.Kind = session.Page
	case properties[propertyLooking].GetBoolValue():
		h.Kind = session.Looking
	}
	return h
}

// Hits takes the items of an import for their hits and keeps nothing else: importer.Sink.
type Hits struct {
	All     []session.Hit
	Refused int
}

// Send implements importer.Sink.
func (s *Hits) Send(_ context.Context, source string, items []*profferv1.Item) ([]*profferv1.Verdict, error) {
	verdicts := make([]*profferv1.Verdict, len(items))
	for i, item := range items {
		verdicts[i] = &profferv1.Verdict{Status: profferv1.Verdict_STATUS_ACCEPTED}
		if item.GetRefusedReason() != "" {
			s.Refused++
			continue
		}
		s.All = append(s.All, HitOf(source, item))
	}
	return verdicts, nil
}
