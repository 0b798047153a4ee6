package importer

import profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"

// Status is how far an import has come. Bytes are those of the files as they lie on disk (compressed), counted
// once for each time a file is read; the rest counts rows read from sources and verdicts.
type Status struct {
	Source     string `json:"source"`
	BytesDone  int64  `json:"bytes_done"`
	BytesTotal int64  `json:"bytes_total"`
	Rows       uint64 `json:"rows"`
	Items      uint64 `json:"items"`
	Accepted   uint64 `json:"accepted"`
	Duplicates uint64 `json:"duplicates"`
	Rejected   uint64 `json:"rejected"`
}

func (s *Status) count(verdicts []*profferv1.Verdict) {
	s.Items += uint64(len(verdicts))
	for _, v := range verdicts {
		switch v.GetStatus() {
		case profferv1.Verdict_STATUS_ACCEPTED:
			s.Accepted++
		case profferv1.Verdict_STATUS_DUPLICATE:
			s.Duplicates++
		default:
			s.Rejected++
		}
	}
}

// Progress is told now and then how far the import has come.
type Progress func(Status)
