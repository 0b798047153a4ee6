package gateway

import (
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/projections"
)

// pointInTime reads features as they were known, and exports training rows.
func (n *Node) pointInTime(away outage) *rpc.PointInTime {
	return &rpc.PointInTime{
		Names: names{Vault: n.parts.vault, normalizer: n.parts.normalizer, outage: away},
		Log:   n.parts.log,
		Profiles: profiles{
			Profiles:   decider.NewProfiles(n.parts.log, n.parts.log, n.parts.traces, n.parts.vectors),
			identities: n.parts.identities, log: n.parts.log,
		},
		Training: projections.NewTraining(n.parts.log, n.parts.policies),
		Views:    n.parts.policies.CurrentView,
		Prepare:  n.parts.views.Prepare,
		Now:      n.now,
	}
}
