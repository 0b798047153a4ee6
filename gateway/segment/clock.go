package segment

import (
	"strconv"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/jsontext"
)

// occurred is when the event happened by our clock: the sender's time, moved by how far the sender's clock was off
// when it sent (Segment's rule: timestamp + (receivedAt - sentAt)). Without a time it is when it was received.
// It is false for a time that cannot be read.
func (e *envelope) occurred(m *message) (int64, bool) {
	stamp := m.originalTimestamp
	if stamp.IsZero() {
		stamp = m.timestamp
	}
	if stamp.Empty() {
		return e.receivedMS, true
	}
	at, ok := instant(stamp)
	if !ok {
		return 0, false
	}
	sent := e.sentAt
	if !m.sentAt.Empty() {
		sent = sentWhen(m.sentAt)
	}
	if sent.ms > commands.EarliestMS { // an older one says nothing about how far the clock is off
		at += e.receivedMS - sent.ms
	}
	if at == 0 {
		at = 1 // the epoch is a time, and out of range; 0 would mean now
	}
	return at, true
}

// sending is when a sender says that it sent: as it wrote it, and in Unix milliseconds, 0 when that cannot be read.
type sending struct {
	text jsontext.Value
	ms   int64
}

func sentWhen(v jsontext.Value) sending {
	if ms, ok := instant(v); ok {
		return sending{text: v, ms: ms}
	}
	return sending{text: v}
}

// layouts are the forms of ISO 8601 that clients send. Without a zone a time is UTC.
var layouts = [...]string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02",
}

// instant reads a time as Unix milliseconds; a number is taken as such.
func instant(v jsontext.Value) (int64, bool) {
	if text, ok := v.NumberText(); ok {
		ms, err := strconv.ParseInt(text, 10, 64)
		return ms, err == nil
	}
	text, ok := v.Text()
	if !ok || len(text) > 64 {
		return 0, false
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}
