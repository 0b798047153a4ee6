package gateway

import (
	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/projections"
)

// features is the feature views, and what they read of people.
func (n *Node) features(away outage) *rpc.Features {
	return &rpc.Features{
		PointInTime: n.pointInTime(away),
		Commands:    n.parts.featureViews, Catalogue: n.parts.policies,
		Comparing: n.profiles(),
		People:    n.parts.views.Aliases, Prepare: n.parts.views.Prepare, InEffect: n.parts.policies, Now: n.now,
	}
}

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
