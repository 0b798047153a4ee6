package decider

import (
	"sync"
	"testing"
)

// However much is put, whoever puts it: no more is kept than the bound, and what is counted is what is kept.
func TestVectorsKeepNoMoreThanTheirBound(t *testing.T) {
	t.Parallel()
	v := NewVectors(nil, nil)
	var putting sync.WaitGroup
	for n := range 4 {
		putting.Go(func() {
			for i := range 20_000 {
				v.put(&v.slots[(i*7+n)%keptPeople], &kept{bytes: int64(i%5) * keptBytes / 1000})
			}
		})
	}
	putting.Wait()
	sum := int64(0)
	for i := range v.slots {
		if k := v.slots[i].kept.Load(); k != nil {
			sum += k.bytes
		}
	}
	if sum != v.bytes.Load() || sum > keptBytes || sum < keptBytes/2 {
		t.Errorf("%d bytes are kept, %d counted, at most %d wanted", sum, v.bytes.Load(), keptBytes)
	}
}
