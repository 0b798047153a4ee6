package projections

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/recommend"
)

const (
	// ListItems is for how many items a list answers; who asks for more is told what is computed.
	ListItems = 20
	// ListPages is over how many pages the lists are spread.
	ListPages = 4096
)

// ErrPageChanged: somebody else has stored the page since it was loaded.
var ErrPageChanged = errors.New("projections: the page of lists was stored by another process")

// RecommendationPage has the lists of some people, ascending by profile, made from one likeness of items.
type RecommendationPage struct {
	Learned Learned
	Lists   []RecommendationList
}

// RecommendationList is what one profile may want next.
type RecommendationList struct {
	Profile domain.Alias
	// Sequence of BEHAVIOUR: all that the profile did up to it is in the list.
	Sequence uint64
	// Aliases is a hash of those that the profile had.
	Aliases uint64
	// Items are the best first: those that recommend.Model.List keeps for ListItems.
	Items []ListedItem
}

// ListedItem is an item of a list; Bought says that the profile has bought it.
type ListedItem struct {
	Item
	Bought bool
}

// Pick is what the list answers; false when more is asked for than it knows.
func (l RecommendationList) Pick(ask recommend.Ask) ([]Item, bool) {
	var out []Item
	for _, i := range l.Items {
		if len(out) < ask.N && !(ask.New && i.Bought) {
			out = append(out, i.Item)
		}
	}
	return out, ask.N <= ListItems
}

// RecommendationStore keeps pages of lists, by number from 0 below ListPages. It may forget pages: they are made again. What it
// has not forgotten is read as it was stored last, by whichever process.
type RecommendationStore interface {
	// Pages are the numbers of the pages that have lists, ascending; pages that were emptied may be among them.
	Pages(ctx context.Context) ([]int, error)
	// LoadPage is a page, and the revision to store it under again; an empty one when there is none that can be read.
	LoadPage(ctx context.Context, number int) (page RecommendationPage, revision uint64, err error)
	// StorePage replaces the page that was loaded with this revision; one without lists is removed. Lists for which a page has no
	// room are left out, the last first. It fails with ErrPageChanged.
	StorePage(ctx context.Context, number int, page RecommendationPage, revision uint64) error
}

// RecommendationLists keeps the lists of all people who did something with items: anew when the likeness of items was learned
// anew, and those of people who did something since. What is kept is a function of BEHAVIOUR, of who is one person, and of when
// the likeness was learned. Next is called by one goroutine at a time; Of by any.
type RecommendationLists struct {
	memory *Recommendations
	linked Linked
	store  RecommendationStore

	model   *recommend.Model
	learned Learned
	// plan are the pages to write, with the profiles that belong to them beside those that are there.
	plan map[int][]domain.Alias
}

// NewRecommendationLists keeps in a store what a memory knows.
func NewRecommendationLists(memory *Recommendations, linked Linked, store RecommendationStore) *RecommendationLists {
	return &RecommendationLists{memory: memory, linked: linked, store: store, plan: map[int][]domain.Alias{}}
}

// Of is the list of a profile as it is kept; false when there is none, or when the profile had other aliases then.
func (l *RecommendationLists) Of(ctx context.Context, profile domain.Alias, aliases []domain.Alias) (RecommendationList, Learned, bool, error) {
	page, _, err := l.store.LoadPage(ctx, pageOf(profile))
	if err != nil {
		return RecommendationList{}, Learned{}, false, fmt.Errorf("projections: read a list: %w", err)
	}
	at, found := slices.BinarySearchFunc(page.Lists, profile, func(list RecommendationList, p domain.Alias) int {
		return slices.Compare(list.Profile[:], p[:])
	})
	if !found || page.Lists[at].Aliases != aliasesHash(aliases) {
		return RecommendationList{}, Learned{}, false, nil
	}
	return page.Lists[at], page.Learned, true, nil
}

// Next writes one page; false when there was nothing to write. The memory must know what the log holds. After an error the
// page's turn comes again.
func (l *RecommendationLists) Next(ctx context.Context, nowMS int64) (bool, error) {
	if err := l.prepare(ctx, nowMS); err != nil || len(l.plan) == 0 {
		return false, err
	}
	number := slices.Min(slices.Collect(maps.Keys(l.plan)))
	if err := l.write(ctx, number, nowMS); err != nil && !errors.Is(err, ErrPageChanged) {
		return false, fmt.Errorf("projections: keep lists: %w", err)
	} else if err == nil {
		delete(l.plan, number)
	}
	return true, nil
}

// prepare plans all pages when the likeness is another, and otherwise, once a plan is done, those of people who did something.
func (l *RecommendationLists) prepare(ctx context.Context, nowMS int64) error {
	model, learned := l.memory.learn(nowMS)
	if model == l.model {
		if len(l.plan) == 0 {
			l.add(l.memory.takeChanged())
		}
		return nil
	}
	kept, err := l.store.Pages(ctx)
	if err != nil {
		return fmt.Errorf("projections: list what lists are kept: %w", err)
	}
	l.model, l.learned, l.plan = model, learned, map[int][]domain.Alias{}
	l.add(l.memory.known())
	for _, number := range kept { // perhaps of people who are others now
		if _, planned := l.plan[number]; !planned {
			l.plan[number] = nil
		}
	}
	return nil
}

func (l *RecommendationLists) add(aliases []domain.Alias) {
	for _, a := range aliases {
		profile, _ := l.linked.Profile(a)
		number := pageOf(profile)
		l.plan[number] = append(l.plan[number], profile)
	}
}

// write brings a page up to date: lists of another likeness, of people with other aliases and of those who did something are made
// anew, those of nobody are left out. A page of a likeness that another process learned later stays, unless its clock was ahead.
func (l *RecommendationLists) write(ctx context.Context, number int, nowMS int64) error {
	had, revision, err := l.store.LoadPage(ctx, number)
	if err != nil || had.Learned.AtMS > l.learned.AtMS && had.Learned.AtMS <= nowMS {
		return err
	}
	profiles := slices.Clone(l.plan[number])
	before := map[domain.Alias]RecommendationList{}
	for _, list := range had.Lists {
		profiles = append(profiles, list.Profile)
		if had.Learned == l.learned {
			before[list.Profile] = list
		}
	}
	slices.SortFunc(profiles, func(a, b domain.Alias) int { return slices.Compare(a[:], b[:]) })
	page := RecommendationPage{Learned: l.learned}
	for _, profile := range slices.Compact(profiles) {
		if list, any := l.list(profile, before[profile]); any {
			page.Lists = append(page.Lists, list)
		}
	}
	if len(page.Lists)+len(had.Lists) == 0 {
		return nil
	}
	return l.store.StorePage(ctx, number, page, revision)
}

// list is that of a profile, the one before where nothing was added to it since; false for what is no profile, or did nothing.
func (l *RecommendationLists) list(profile domain.Alias, before RecommendationList) (RecommendationList, bool) {
	if own, _ := l.linked.Profile(profile); own != profile {
		return before, false
	}
	aliases := l.linked.Aliases(profile)
	trail, last, applied := l.memory.remembered(aliases)
	if len(trail.Entries) == 0 {
		return before, false
	}
	list := RecommendationList{Profile: profile, Sequence: applied, Aliases: aliasesHash(aliases), Items: before.Items}
	if before.Sequence == 0 || before.Aliases != list.Aliases || before.Sequence < last {
		list.Items = l.memory.name(l.model.List(trail, ListItems))
	}
	return list, true
}

// pageOf is where a profile's list is.
func pageOf(profile domain.Alias) int {
	sum := sha256.Sum256(profile[:])
	return int(binary.BigEndian.Uint16(sum[:])) % ListPages
}

// aliasesHash tells sets of aliases, ascending, apart.
func aliasesHash(aliases []domain.Alias) uint64 {
	h := sha256.New()
	for _, a := range aliases {
		h.Write(a[:])
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}
