package projections

import (
	"strings"
	"unicode/utf8"
)

// Tables hold text up to this many bytes: longer text is cut, so that an index entry always fits a page and no event
// can stop the projection. The log has the whole of it.
const maxCellBytes = 512

// Documents (a policy as its author wrote it) are cut only beyond this.
const maxDocumentBytes = 1 << 20

// The years that tables hold, 0001 to 9999, in Unix milliseconds: times beyond are set to the border.
const (
	minTableMs = -62135596800000
	maxTableMs = 253402300799999
)

func tableMs(ms int64) int64 { return min(max(ms, minTableMs), maxTableMs) }

// cell is text as tables can hold it.
func cell(text string) string { return clip(text, maxCellBytes) }

// clip takes out NUL, which no database takes, and what is beyond a number of bytes.
func clip(text string, most int) string {
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	}
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
