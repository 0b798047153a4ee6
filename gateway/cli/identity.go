package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type identities struct {
	Resolve identityResolve `cmd:"" help:"Print the profile of an identifier."`
	Get     identityGet     `cmd:"" help:"Print a profile, now or as of a cut: its identifiers, links and features."`
	Explain identityExplain `cmd:"" help:"Say by which links, on what evidence, two identifiers are one person."`
	Link    identityLink    `cmd:"" help:"Say that two identifiers are one person."`
	Unlink  identityUnlink  `cmd:"" help:"Take the links between two identifiers back, and bar them from each other."`
	Mark    identityMark    `cmd:"" help:"Block one exact identifier, or say that it is shared."`
	Consent identityConsent `cmd:"" help:"Show what a person consents to, or state it."`
	Preview identityPreview `cmd:"" help:"See what a change would do to people and their decisions."`
	Guards  identityGuards  `cmd:"" help:"Show or set the guards."`
	Review  identityReview  `cmd:"" help:"List, confirm or reject proposed matches."`
	Match   identityMatch   `cmd:"" help:"Train, show or switch off probabilistic matching."`
	List    identityList    `cmd:"" help:"List what guards withhold, what is marked or barred."`
}

// Help is shown by --help.
func (identities) Help() string {
	return "Example: proffer identity get user_id:42\n\nA person is named by any identifier, TYPE:VALUE (user_id:42, email:a@b.c), or by an alias (32 hexadecimal digits)."
}

// change are the flags of every command that changes who is one person.
type change struct {
	Reason       string `help:"Why; kept in the log, so free of personal data."`
	RequestID    string `help:"A retry with the same id changes nothing more." placeholder:"ID"`
	ValidateOnly bool   `help:"Do everything but write."`
}

func (c change) message() *profferv1.Change {
	return &profferv1.Change{ValidateOnly: c.ValidateOnly, RequestId: c.RequestID, Reason: c.Reason}
}

func bothOf(first, second string) (a, b *profferv1.Who, err error) {
	if a, err = who(first); err == nil {
		b, err = who(second)
	}
	return a, b, err
}

// moments are the ways in which a time may be written; without a zone it is UTC.
func moments() []string {
	return []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}
}

// asOf reads a time, or a cut as answers write it.
func asOf(text string, r *profferv1.GetRequest) error {
	switch {
	case text == "":
		return nil
	case strings.Contains(text, "/"):
		r.AsOf = &profferv1.GetRequest_Cut{Cut: text}
		return nil
	}
	for _, layout := range moments() {
		if at, err := time.Parse(layout, text); err == nil {
			r.AsOf = &profferv1.GetRequest_Time{Time: timestamppb.New(at)}
			return nil
		}
	}
	return fmt.Errorf("%w: --as-of wants a time such as 2026-05-03T10:00:00Z, or a cut such as \"IDENTITY/12\"", gateway.ErrUsage)
}

type identityResolve struct {
	target
	output
	Who  string `arg:"" help:"TYPE:VALUE or an alias."`
	AsOf string `help:"As known at a time, or at a cut." placeholder:"TIME|CUT"`
}

// Help is shown by --help.
func (identityResolve) Help() string {
	return "Example: proffer identity resolve user_id:42\n\nExit code 1 when the identifier was never seen."
}

// Run resolves.
func (c identityResolve) Run(r *run) error {
	person, err := who(c.Who)
	if err != nil {
		return err
	}
	var moment profferv1.GetRequest
	if err := asOf(c.AsOf, &moment); err != nil {
		return err
	}
	request := &profferv1.ResolveRequest{Who: person}
	switch as := moment.GetAsOf().(type) {
	case *profferv1.GetRequest_Cut:
		request.AsOf = &profferv1.ResolveRequest_Cut{Cut: as.Cut}
	case *profferv1.GetRequest_Time:
		request.AsOf = &profferv1.ResolveRequest_Time{Time: as.Time}
	}
	return c.with(r, func(s *remote) error {
		a, err := s.identity.Resolve(r.ctx, request)
		if err != nil {
			return err
		}
		if err := c.printMessage(r, a, func(w io.Writer) { tellResolved(w, a) }); err != nil || a.GetKnown() {
			return err
		}
		return errDiffers
	})
}

func tellResolved(w io.Writer, a *profferv1.ResolveResponse) {
	if !a.GetKnown() {
		fmt.Fprintln(w, "never seen")
		return
	}
	fmt.Fprintf(w, "profile %s", a.GetProfile())
	if a.GetAlias() != a.GetProfile() {
		fmt.Fprintf(w, ", by alias %s", a.GetAlias())
	}
	if a.GetMark() != "" {
		fmt.Fprintf(w, " (%s)", a.GetMark())
	}
	fmt.Fprintf(w, ", at %s\n", a.GetPosition())
}

type identityGet struct {
	target
	output
	Who          string `arg:"" help:"TYPE:VALUE or an alias."`
	AsOf         string `help:"As known at a time, or at a cut." placeholder:"TIME|CUT"`
	IdentityOnly bool   `help:"Leave the features out."`
	View         string `help:"The feature view (default: ${view})."`
}

// Help is shown by --help.
func (identityGet) Help() string {
	return `Example: proffer identity get user_id:42 --as-of 2026-05-03T10:00:00Z`
}

// Run prints the profile.
func (c identityGet) Run(r *run) error {
	person, err := who(c.Who)
	if err != nil {
		return err
	}
	request := &profferv1.GetRequest{Who: person, IdentityOnly: c.IdentityOnly, View: c.View}
	if err := asOf(c.AsOf, request); err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		a, err := s.identity.Get(r.ctx, request)
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			tellProfile(w, a.GetProfile())
			fmt.Fprintf(w, "\nas of %s\n", a.GetCut())
			tellFeatures(w, a)
		})
	})
}
