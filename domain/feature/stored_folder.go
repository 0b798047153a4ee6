package feature

import "github.com/profferhq/proffer/domain"

// StoredFolder folds many events into one stored activity after another, in the same memory. It decodes only the parts that the
// events touch: most often one of four. What none touched is written again as it was read. The zero StoredFolder is for Resume.
type StoredFolder struct {
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
	err := l.read(a, blob, func(place int, piece []byte) { f.left[place] = piece })
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

// open decodes the parts that an event of this kind touches.
func (f *StoredFolder) open(s domain.Stream, k Kind) error {
	a := &f.folder.activity
	if err := decodeLeft(&a.parts[s], s, &f.left[s], &f.folder.owned[s]); err != nil {
		return err
	}
	if a.layout == nil {
		return nil
	}
	for _, i := range a.layout.of[k] {
		if err := decodeLeft(&a.series[i], s, &f.left[parts+i], &f.folder.ownedSeries[i]); err != nil {
			return err
		}
	}
	return nil
}

// decodeLeft decodes a part if it is not yet.
func decodeLeft(p *part, s domain.Stream, piece *[]byte, owned *bool) error {
	if *piece == nil {
		return nil
	}
	d := decoder{room: roomToFold}
	d.decode(p, s, *piece)
	*owned = true
	if d.what != "" {
		applied := p.applied
		*p = p.emptied()
		p.applied = applied
		return corrupt(d.what)
	}
	*piece = nil
	return nil
}

// AppendEncode appends the encoded state so far to dst, as the function Encode would write it.
func (f *StoredFolder) AppendEncode(dst []byte) []byte {
	return appendActivity(dst, &f.folder.activity, f.left)
}
