package projections

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// offers are those that policies have, version by version, and those that were defined outside of policies.
type offers struct {
	defined  map[string]*event.Offer
	policies map[policyOffer]*event.Offer
}

type policyOffer struct {
	policy  string
	version uint64
	offer   string
}

func newOffers() offers {
	return offers{defined: map[string]*event.Offer{}, policies: map[policyOffer]*event.Offer{}}
}

func (o *offers) take(e domain.Envelope) error {
	events, err := e.Events()
	if err != nil {
		return err
	}
	for _, ev := range events {
		if d := ev.GetOfferDefined().GetOffer(); d != nil {
			o.defined[d.GetId()] = d
		}
		if p := ev.GetPolicyPublished(); p != nil {
			for _, d := range p.GetPolicy().GetOffers() {
				o.policies[policyOffer{p.GetPolicy().GetId(), p.GetVersion(), d.GetId()}] = d
			}
		}
	}
	return nil
}

// of is the offer that a decision gave: as its policy had it, else as it was last defined; nil when nobody has.
func (o *offers) of(d *event.Decision) *event.Offer {
	if offer := o.policies[policyOffer{d.GetPolicy(), d.GetPolicyVersion(), d.GetOffer()}]; offer != nil {
		return offer
	}
	return o.defined[d.GetOffer()]
}
