package cli

import (
	"fmt"
	"io"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type identityLink struct {
	target
	output
	change
	LiftBar bool   `help:"Lift a bar between the two."`
	First   string `arg:"" help:"TYPE:VALUE or an alias."`
	Second  string `arg:"" help:"TYPE:VALUE or an alias."`
}

// Help is shown by --help.
func (identityLink) Help() string {
	return `Example: proffer identity link user_id:42 user_id:4711 --reason "asked at the till"`
}

// Run links.
func (c identityLink) Run(r *run) error {
	first, second, err := bothOf(c.First, c.Second)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		a, err := s.identity.Link(r.ctx, &profferv1.LinkRequest{
			First: first, Second: second, Change: c.message(), LiftBar: c.LiftBar,
		})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			tellChange(w, c.change, a.GetUnchanged(), a.GetPosition())
			tellProfile(w, a.GetProfile())
		})
	})
}

// tellChange says what became of a change, and where it stands.
func tellChange(w io.Writer, c change, unchanged bool, position string) {
	switch {
	case unchanged:
		fmt.Fprintln(w, "nothing to change: it is so already")
	case c.ValidateOnly:
		fmt.Fprintln(w, "would be so; nothing was written")
	default:
		fmt.Fprintf(w, "done at %s\n", position)
	}
}

type identityUnlink struct {
	target
	output
	change
	Bar     bool   `help:"Also bar the two from ever being joined again; --no-bar leaves that open." default:"true" negatable:""`
	Preview bool   `help:"Only see what it would do to people and their decisions."`
	First   string `arg:"" help:"TYPE:VALUE or an alias."`
	Second  string `arg:"" help:"TYPE:VALUE or an alias."`
}

// Help is shown by --help.
func (identityUnlink) Help() string {
	return `Example: proffer identity unlink user_id:42 user_id:4711 --reason "two sisters"

Takes every link between the two back, and bars them from each other: whatever
else joined them is withheld, and nothing joins them again. Both are then as if
they had never been linked. --preview shows it before.`
}

// Run unlinks, or previews it.
func (c identityUnlink) Run(r *run) error {
	first, second, err := bothOf(c.First, c.Second)
	if err != nil {
		return err
	}
	request := &profferv1.UnlinkRequest{First: first, Second: second, Change: c.message(), Bar: c.Bar}
	return c.with(r, func(s *remote) error {
		if c.Preview {
			return previewed(r, c.output, s, &profferv1.PreviewRequest{Change: &profferv1.PreviewRequest_Unlink{Unlink: request}})
		}
		a, err := s.identity.Unlink(r.ctx, request)
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			tellChange(w, c.change, a.GetUnchanged(), a.GetPosition())
			for i, p := range a.GetProfiles() {
				if i > 0 {
					fmt.Fprintln(w)
				}
				tellProfile(w, p)
			}
		})
	})
}

type identityMark struct {
	target
	output
	change
	Who  string `arg:"" help:"TYPE:VALUE or an alias."`
	Mark string `arg:"" enum:"blocked,shared,none" help:"blocked (it means nobody), shared (it tells a household), or none."`
}

// Help is shown by --help.
func (identityMark) Help() string {
	return "Example: proffer identity mark email:info@example.com blocked --reason \"a shop's own address\""
}

// Run marks.
func (c identityMark) Run(r *run) error {
	person, err := who(c.Who)
	if err != nil {
		return err
	}
	mark := map[string]profferv1.MarkRequest_Mark{
		"blocked": profferv1.MarkRequest_MARK_BLOCKED, "shared": profferv1.MarkRequest_MARK_SHARED,
		"none": profferv1.MarkRequest_MARK_NONE,
	}[c.Mark]
	return c.with(r, func(s *remote) error {
		a, err := s.identity.Mark(r.ctx, &profferv1.MarkRequest{Who: person, Mark: mark, Change: c.message()})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			tellChange(w, c.change, a.GetUnchanged(), a.GetPosition())
			tellProfile(w, a.GetProfile())
		})
	})
}
