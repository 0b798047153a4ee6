package feature

// Edge says that one thing is read by another: "event:purchased" by "feature:retail@1/spend_30d".
type Edge struct{ From, To string }

// Lineage is what each feature of a view is read from: kinds of events, other features and facts of the request.
func (v View) Lineage() []Edge {
	var out []Edge
	for i, s := range v.document.Features {
		to := "feature:" + v.Name() + "/" + s.Name
		for _, kind := range s.Sources() {
			out = append(out, Edge{"event:" + kind, to})
		}
		for _, d := range v.plan.demands {
			if d.index != i {
				continue
			}
			for _, name := range d.compiled.Reads["features"] {
				out = append(out, Edge{"feature:" + v.Name() + "/" + name, to})
			}
			for _, name := range d.compiled.Reads["context"] {
				out = append(out, Edge{"request:" + name, to})
			}
		}
	}
	return out
}
