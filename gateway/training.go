package gateway

import (
	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/projections"
)

// pointInTime reads features as they were known, and exports training rows.
func (n *Node) pointInTime(away outage) *rpc.PointInTime {
	return &rpc.PointInTime{
		Names:    n.names(away),
		Log:      n.parts.log,
		Profiles: n.profiles(),
		Training: projections.NewTraining(n.parts.log, n.parts.policies),
		Views:    n.parts.policies.CurrentView,
		Prepare:  n.parts.views.Prepare,
		Now:      n.now,
	}
}
