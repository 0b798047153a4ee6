package feature

import "github.com/profferhq/proffer/domain"

// StoredFolder folds many events into one stored activity after another, in the same memory. It decodes only the parts that the
// events touch: most often one of four. What none touched is written again as it was read. The zero StoredFolder is for Resume.
type StoredFolder struct {
	// folder owns the parts that are not left, once they have memory.
	folder Folder
	left   undecoded
}

// Resume starts from the activity of this layout that Encode wrote; no bytes at all are the empty activity. Nobody may change
// the blob as long as the folder goes on from it. It fails as Layout.Decode does, but for what is within a part: that
// fails when an event touches it. After a failure it holds nothing.
func (f *StoredFolder) Resume(l *Layout, blob []byte) error {
	a := &f.folder.activity
	if a.layout != l || f.left == nil {
		f.folder.ownedSeries = make([]bool, l.Series())
		f.left = make(undecoded, parts+l.Series())
	}
	clear(f.left)
	err := l.read(a, blob, func(place int, piece []byte) {
		f.left[place], *f.folder.ownedAt(place) = piece, false
	})
	if err != nil {
		clear(f.left)
		a.restart(l)
	}
	return err
}

// Fold takes one more event, as the function Fold does, and says whether it changed the state. It fails with ErrActivityCorrupt,
// and changes nothing, when a part that the event touches is not as Encode wrote it.
func (f *StoredFolder) Fold(r domain.Recorded) (bool, error) {
	s, isNew := f.folder.isNew(r)
	if !isNew {
		return false, nil
	}
	k := kindOf(r.Event)
	if err := f.open(s, k); err != nil {
		return false, err
	}
	f.folder.fold(r, s, k)
	return true, nil
}

// open decodes what is left of the parts that an event of this kind touches.
func (f *StoredFolder) open(s domain.Stream, k Kind) error {
	if !f.folder.owned[s] {
		if err := f.decode(int(s)); err != nil {
			return err
		}
	}
	if f.folder.activity.layout == nil {
		return nil
	}
	for _, i := range f.folder.activity.layout.of[k] {
		if !f.folder.ownedSeries[i] {
			if err := f.decode(parts + i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *StoredFolder) decode(place int) error {
	if f.left[place] == nil {
		return nil
	}
	p, s := f.folder.activity.partAt(place)
	d := decoder{room: roomToFold}
	d.decode(p, s, f.left[place])
	if d.what != "" {
		applied := p.applied
		*p = p.emptied()
		p.applied = applied
		return corrupt(d.what)
	}
	f.left[place], *f.folder.ownedAt(place) = nil, true
	return nil
}

// AppendEncode appends the encoded state so far to dst, as the function Encode would write it.
func (f *StoredFolder) AppendEncode(dst []byte) []byte {
	return appendActivity(dst, &f.folder.activity, f.left)
}
