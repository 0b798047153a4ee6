package importer

import "maps"

// Summary is what an import did, file by file.
type Summary struct {
	Mapping string        `json:"mapping"`
	Files   []FileSummary `json:"files"`
}

// FileSummary accounts for every line of one file:
//
//	Lines = Header + Blank + Continued + Rows
//	Rows  = Mapped + the sum of Refused + the sum of Skipped
//	Items = Accepted + Duplicates + the sum of Rejected, once all were sent
type FileSummary struct {
	// Source is the name under which the items were sent: "import:<mapping>/<file>".
	Source string `json:"source"`
	// Lines counts lines of the decompressed file.
	Lines int `json:"lines"`
	// Header counts the lines up to and with the header.
	Header int `json:"header"`
	// Blank counts lines with nothing on them.
	Blank int `json:"blank"`
	// Continued counts lines that belong to the quoted cell of a row begun before.
	Continued int `json:"continued"`
	// Rows counts rows of data.
	Rows uint64 `json:"rows"`
	// Mapped counts rows that became items or part of a group's items.
	Mapped uint64 `json:"mapped"`
	// Refused counts rows by the reason with which the mapping or the importer refused them; each was sent as one
	// item for quarantine.
	Refused map[string]uint64 `json:"refused,omitempty"`
	// Skipped counts rows by the reason of the rule that skips them; nothing was sent for them.
	Skipped map[string]uint64 `json:"skipped,omitempty"`
	// Items counts what was sent, refused rows included, and Types the rest by type.
	Items uint64            `json:"items"`
	Types map[string]uint64 `json:"types,omitempty"`
	// Accepted, Duplicates and Rejected are the verdicts on the items. Rejected is by reason and holds the refused
	// rows too.
	Accepted   uint64            `json:"accepted"`
	Duplicates uint64            `json:"duplicates"`
	Rejected   map[string]uint64 `json:"rejected,omitempty"`
	// Examples are the first refusal for each reason of Rejected.
	Examples map[string]Example `json:"examples,omitempty"`
}

// Example is a refusal: the line of its row, and what was said. It repeats no value of the row.
type Example struct {
	Line    uint64 `json:"line"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message,omitempty"`
}

// RefusedWhole says whether each row that no rule skips was refused, by the mapping or by the server: then the two do not
// fit the file.
func (f FileSummary) RefusedWhole() bool {
	return f.Mapped == 0 && sumOfCounts(f.Refused) > 0 || f.Items > 0 && sumOfCounts(f.Rejected) == f.Items
}

func sumOfCounts(of map[string]uint64) uint64 {
	var sum uint64
	for _, n := range of {
		sum += n
	}
	return sum
}

// Total adds the files up; its Source is empty.
func (s Summary) Total() FileSummary {
	total := FileSummary{
		Refused: map[string]uint64{}, Skipped: map[string]uint64{}, Types: map[string]uint64{}, Rejected: map[string]uint64{},
	}
	for _, f := range s.Files {
		total.Lines += f.Lines
		total.Header += f.Header
		total.Blank += f.Blank
		total.Continued += f.Continued
		total.Rows += f.Rows
		total.Mapped += f.Mapped
		total.Items += f.Items
		total.Accepted += f.Accepted
		total.Duplicates += f.Duplicates
		addAll(total.Refused, f.Refused)
		addAll(total.Skipped, f.Skipped)
		addAll(total.Types, f.Types)
		addAll(total.Rejected, f.Rejected)
	}
	return total
}

func addAll(to, from map[string]uint64) {
	for k, n := range from {
		to[k] += n
	}
}

// account takes over the counts of the reader and of the evaluator.
func (f *FileSummary) account(lines lineCounts, t tally) {
	f.Lines, f.Header, f.Blank, f.Continued = lines.lines, lines.header, lines.blank, lines.continued
	f.Rows, f.Mapped, f.Items = t.rows, t.mapped, t.items
	f.Refused, f.Skipped, f.Types = maps.Clone(t.refused), maps.Clone(t.skipped), maps.Clone(t.types)
}
