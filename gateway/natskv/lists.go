package natskv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

const (
	// listsBucket holds what people may want next: pages of lists, which can be made again from the log.
	listsBucket = "recommendations"
	listsKeys   = "page."
	listsFormat = 1
	// maxListsBytes keeps a page below what a message may have.
	maxListsBytes = 900 << 10
)

var _ projections.RecommendationStore = (*Lists)(nil)

// Lists keeps pages of recommendation lists. A crash may lose pages, or the latest of them. All is read from the stream's
// leader, as a replica may lag behind it.
type Lists struct {
	kv     jetstream.KeyValue
	stream jetstream.Stream
}

// OpenLists opens or makes the bucket.
func OpenLists(ctx context.Context, nc *nats.Conn, replicas int) (*Lists, error) {
	kv, stream, err := openKeyValue(ctx, nc, listsBucket, replicas, true)
	if err != nil {
		return nil, err
	}
	return &Lists{kv: kv, stream: stream}, nil
}

func listsKey(number int) string { return listsKeys + strconv.Itoa(number) }

// Pages implements projections.RecommendationStore. A page that was emptied is named, too: a mark of it stays.
func (l *Lists) Pages(ctx context.Context) ([]int, error) {
	prefix := bucketPrefix(listsBucket) + listsKeys
	info, err := l.stream.Info(ctx, jetstream.WithSubjectFilter(prefix+"*"))
	if err != nil {
		return nil, fmt.Errorf("natskv: list pages of lists: %w", unavailable(err))
	}
	var pages []int
	for subject := range info.State.Subjects {
		if number, err := strconv.Atoi(strings.TrimPrefix(subject, prefix)); err == nil {
			pages = append(pages, number)
		}
	}
	slices.Sort(pages)
	return pages, nil
}

// LoadPage implements projections.RecommendationStore.
func (l *Lists) LoadPage(ctx context.Context, number int) (projections.RecommendationPage, uint64, error) {
	entry, err := l.kv.Get(ctx, listsKey(number))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return projections.RecommendationPage{}, 0, nil
	}
	if err != nil {
		return projections.RecommendationPage{}, 0, fmt.Errorf("natskv: load page %d of lists: %w", number, unavailable(err))
	}
	page, _ := decodeLists(entry.Value()) // of another version, or damaged: it is made again
	return page, entry.Revision(), nil
}

// StorePage implements projections.RecommendationStore.
func (l *Lists) StorePage(ctx context.Context, number int, page projections.RecommendationPage, revision uint64) (err error) {
	key := listsKey(number)
	switch {
	case len(page.Lists) == 0:
		err = l.kv.Purge(ctx, key, jetstream.LastRevision(revision))
	case revision == 0:
		_, err = l.kv.Create(ctx, key, encodeLists(page))
	default:
		_, err = l.kv.Update(ctx, key, encodeLists(page), revision)
	}
	if isConflict(err) || errors.Is(err, jetstream.ErrKeyExists) {
		return fmt.Errorf("natskv: store page %d of lists: %w", number, projections.ErrPageChanged)
	}
	if err != nil {
		return fmt.Errorf("natskv: store page %d of lists: %w", number, unavailable(err))
	}
	return nil
}

// A page in bytes: the format, what was learned, the names of its items once each, and the lists, whose items are numbers of
// names. Names are numbered as they come, so that the same page has the same bytes.
func encodeLists(p projections.RecommendationPage) []byte {
	var lists, names []byte
	numbers := map[string]uint64{}
	count := uint64(0)
	for _, list := range p.Lists {
		var more []byte
		add := appendList(nil, list, func(name string) uint64 {
			number, known := numbers[name]
			if !known {
				number = uint64(len(numbers))
				numbers[name] = number
				more = append(binary.AppendUvarint(more, uint64(len(name))), name...)
			}
			return number
		})
		if len(lists)+len(names)+len(add)+len(more) > maxListsBytes {
			break // its names were numbered last: nothing names them
		}
		lists, names = append(lists, add...), append(names, more...)
		count++
	}
	out := binary.AppendVarint([]byte{listsFormat}, p.Learned.AtMS)
	out = binary.AppendUvarint(out, uint64(p.Learned.People))
	out = binary.AppendUvarint(out, uint64(p.Learned.Items))
	out = append(binary.AppendUvarint(out, uint64(len(names))), names...)
	return append(binary.AppendUvarint(out, count), lists...)
}

func appendList(b []byte, list projections.RecommendationList, number func(string) uint64) []byte {
	b = append(b, list.Profile[:]...)
	b = binary.BigEndian.AppendUint64(b, list.Aliases)
	b = binary.AppendUvarint(b, list.Sequence)
	b = binary.AppendUvarint(b, uint64(len(list.Items)))
	for _, item := range list.Items {
		n := number(item.Item.Item) << 1
		if item.Bought {
			n |= 1
		}
		b = binary.AppendUvarint(b, n)
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(item.Score))
	}
	return b
}

// errLists is for bytes that no page was written as.
var errLists = errors.New("natskv: not a page of lists")

// listsReader reads what encodeLists wrote; once something is missing, all that follows is empty.
type listsReader struct {
	rest   []byte
	broken bool
}

func (r *listsReader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest, r.broken = nil, true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *listsReader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest, r.broken = nil, true
		return 0
	}
	r.bytes(uint64(n))
	return v
}

func (r *listsReader) word() (v uint64) {
	if b := r.bytes(8); b != nil {
		v = binary.BigEndian.Uint64(b)
	}
	return v
}

func decodeLists(b []byte) (p projections.RecommendationPage, err error) {
	if len(b) == 0 || b[0] != listsFormat {
		return p, errLists
	}
	at, n := binary.Varint(b[1:])
	if n <= 0 {
		return p, errLists
	}
	r := listsReader{rest: b[1+n:]}
	p.Learned = projections.Learned{AtMS: at, People: int(r.number()), Items: int(r.number())}
	var names []string
	for in := (listsReader{rest: r.bytes(r.number())}); len(in.rest) > 0; {
		names = append(names, string(in.bytes(in.number())))
		r.broken = r.broken || in.broken
	}
	for n := r.number(); n > 0 && !r.broken; n-- {
		p.Lists = append(p.Lists, r.list(names))
	}
	if r.broken || len(r.rest) > 0 {
		return projections.RecommendationPage{}, errLists
	}
	return p, nil
}

func (r *listsReader) list(names []string) (list projections.RecommendationList) {
	if b := r.bytes(uint64(len(domain.Alias{}))); b != nil {
		list.Profile = domain.Alias(b)
	}
	list.Aliases, list.Sequence = r.word(), r.number()
	for n := r.number(); n > 0 && !r.broken; n-- {
		number := r.number()
		item := projections.ListedItem{Item: projections.Item{Score: math.Float64frombits(r.word())}, Bought: number&1 == 1}
		if number >>= 1; number >= uint64(len(names)) {
			r.broken = true
			break
		}
		item.Item.Item = names[number]
		list.Items = append(list.Items, item)
	}
	return list
}
