package importer

import "strings"

// openQuote says whether a quoted cell of the record is not closed yet.
func openQuote(text string, separator byte, trim bool) bool {
	if strings.IndexByte(text, '"') < 0 {
		return false
	}
	for rest := text; ; {
		if trim {
			rest = strings.TrimLeft(rest, " \t")
		}
		if !strings.HasPrefix(rest, `"`) {
			at := strings.IndexByte(rest, separator)
			if at < 0 {
				return false
			}
			rest = rest[at+1:]
			continue
		}
		end := closingQuote(rest)
		if end < 0 {
			return true
		}
		at := strings.IndexByte(rest[end:], separator)
		if at < 0 {
			return false
		}
		rest = rest[end+at+1:]
	}
}

// closingQuote is the index after the quote that closes the cell, which starts with a quote; -1 without one.
func closingQuote(cell string) int {
	for i := 1; ; i++ {
		at := strings.IndexByte(cell[i:], '"')
		if at < 0 {
			return -1
		}
		i += at
		if i+1 == len(cell) || cell[i+1] != '"' {
			return i + 1
		}
		i++
	}
}

// splitCSV cuts a record into cells, which share its memory where nothing is quoted twice. With trim, spaces and
// tabs around a cell are dropped, outside of its quotes only.
func splitCSV(text string, separator byte, trim bool, capacity int) ([]string, error) {
	cells := make([]string, 0, capacity)
	for rest := text; ; {
		if trim {
			rest = strings.TrimLeft(rest, " \t")
		}
		cell, after, more, err := cutCell(rest, separator, trim)
		if err != nil {
			return nil, err
		}
		cells = append(cells, cell)
		if !more {
			return cells, nil
		}
		rest = after
	}
}

func cutCell(rest string, separator byte, trim bool) (cell, after string, more bool, err error) {
	if !strings.HasPrefix(rest, `"`) {
		at := strings.IndexByte(rest, separator)
		if more = at >= 0; more {
			cell, after = rest[:at], rest[at+1:]
		} else {
			cell = rest
		}
		if trim {
			cell = strings.TrimRight(cell, " \t")
		}
		if strings.IndexByte(cell, '"') >= 0 {
			err = errQuote
		}
		return cell, after, more, err
	}
	end := closingQuote(rest)
	if end < 0 {
		return "", "", false, errQuote
	}
	cell, after = rest[1:end-1], rest[end:]
	if strings.IndexByte(cell, '"') >= 0 {
		cell = strings.ReplaceAll(cell, `""`, `"`)
	}
	if trim {
		after = strings.TrimLeft(after, " \t")
	}
	if after == "" {
		return cell, "", false, nil
	}
	if after[0] != separator {
		return "", "", false, errQuote
	}
	return cell, after[1:], true, nil
}
