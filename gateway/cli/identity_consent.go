package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type identityConsent struct {
	target
	output
	change
	Who      string `arg:"" help:"TYPE:VALUE or an alias."`
	Give     string `help:"The person says yes to this purpose." placeholder:"PURPOSE" xor:"state"`
	Withdraw string `help:"The person takes the yes back, or objects." placeholder:"PURPOSE" xor:"state"`
}

// Help is shown by --help.
func (identityConsent) Help() string {
	return `Example: proffer identity consent user_id:42
         proffer identity consent user_id:42 --withdraw marketing --reason "by phone"

A purpose is a word of your own, as policies name it: marketing, marketing.email.
Of each purpose the latest statement of any of the person's identifiers counts.
Without --give and --withdraw, what the person consents to is printed.`
}

// Run states a consent, or prints what holds.
func (c identityConsent) Run(r *run) error {
	person, err := who(c.Who)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		if c.Give == "" && c.Withdraw == "" {
			a, err := s.identity.Get(r.ctx, &profferv1.GetRequest{Who: person, IdentityOnly: true})
			if err != nil {
				return err
			}
			return c.printMessage(r, a, func(w io.Writer) { tellConsents(w, a.GetProfile()) })
		}
		state := profferv1.SetConsentRequest_STATE_WITHDRAWN
		if c.Give != "" {
			state = profferv1.SetConsentRequest_STATE_GIVEN
		}
		a, err := s.identity.SetConsent(r.ctx, &profferv1.SetConsentRequest{
			Who: person, Purpose: cmp.Or(c.Give, c.Withdraw), State: state, Change: c.message(),
		})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			tellChange(w, c.change, a.GetUnchanged(), a.GetPosition())
			tellConsents(w, a.GetProfile())
		})
	})
}

// tellConsents prints what counts for a person, purpose by purpose.
func tellConsents(w io.Writer, p *profferv1.Profile) {
	if len(p.GetConsents()) == 0 {
		fmt.Fprintln(w, "nothing was ever said about consent")
		return
	}
	names := namesOf(p.GetAliases())
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "PURPOSE\tSTATE\tSAID BY\tRULE\tAT\tPOSITION\tREASON")
	for _, c := range p.GetConsents() {
		at, reason := "", ""
		if c.GetAt() != nil {
			at = c.GetAt().AsTime().Format("2006-01-02 15:04:05")
		}
		if c.GetReason() != "" {
			reason = strconv.Quote(c.GetReason())
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.GetPurpose(), strings.ToLower(c.GetState()), names.name(c.GetAlias()),
			c.GetRule(), at, c.GetPosition(), reason)
	}
	_ = table.Flush()
}
