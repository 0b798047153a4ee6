package feature_test

import (
	"fmt"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// shopper is n events of one person over 90 days, as they come.
func shopper(n int) []domain.Recorded {
	s := source(11)
	all := history(&s, n, 90*day)
	for i, r := range all {
		r.Event.OccurredMs = noon - 90*day + int64(i)*(90*day/int64(n))
	}
	return all
}

func BenchmarkFold(b *testing.B) {
	for _, n := range []int{20, 200, 2000} {
		all := shopper(n)
		b.Run(fmt.Sprintf("folder/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var f *feature.Folder
			for i := 0; b.Loop(); i++ {
				if i%n == 0 {
					f = feature.NewFolder(feature.Activity{})
				}
				f.Fold(all[i%n])
			}
		})
	}
	for _, n := range []int{20, 200} {
		all := shopper(n)
		a := fold(feature.Activity{}, all[:n-1])
		b.Run(fmt.Sprintf("function/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				feature.Fold(a, all[n-1])
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{20, 200, 2000} {
		a := fold(feature.Activity{}, shopper(n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var blob []byte
			for b.Loop() {
				blob = feature.AppendEncode(blob[:0], a)
			}
			b.ReportMetric(float64(len(blob)), "bytes")
		})
	}
}

// BenchmarkEncodePeople encodes one person of 20 events after another.
func BenchmarkEncodePeople(b *testing.B) {
	var people []feature.Activity
	for seed := range 256 {
		s := source(seed)
		people = append(people, fold(feature.Activity{}, history(&s, 20, 90*day)))
	}
	b.ReportAllocs()
	var blob []byte
	size := 0
	for i := 0; b.Loop(); i++ {
		blob = feature.AppendEncode(blob[:0], people[i%len(people)])
		size += len(blob)
	}
	b.ReportMetric(float64(size)/float64(b.N), "bytes")
}

func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{20, 200, 2000} {
		blob := feature.Encode(fold(feature.Activity{}, shopper(n)))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := feature.Decode(blob); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecodeInto decodes one person after another as they are stored, in the same memory.
func BenchmarkDecodeInto(b *testing.B) {
	for name, layout := range map[string]*feature.Layout{"core": nil, "retail": feature.LayoutOf(feature.Retail())} {
		blobs := stored(layout)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var a feature.Activity
			for i := 0; b.Loop(); i++ {
				if err := layout.DecodeInto(&a, blobs[i%len(blobs)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkResume folds a decision into one person after another as they are stored, in the same memory.
func BenchmarkResume(b *testing.B) {
	decided := at(1<<40, noon, offered("web", "drinks", "tea"))
	for name, layout := range map[string]*feature.Layout{"core": nil, "retail": feature.LayoutOf(feature.Retail())} {
		blobs := stored(layout)
		b.Run(name, func(b *testing.B) {
			var f feature.StoredFolder
			var blob []byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := f.Resume(layout, blobs[i%len(blobs)]); err != nil {
					b.Fatal(err)
				}
				if _, err := f.Fold(decided); err != nil {
					b.Fatal(err)
				}
				blob = f.AppendEncode(blob[:0])
			}
		})
	}
}

// stored are three people of some 20 events.
func stored(layout *feature.Layout) (blobs [][]byte) {
	for _, n := range []int{15, 20, 25} {
		blobs = append(blobs, feature.Encode(fold(layout.Empty(), shopper(n))))
	}
	return blobs
}

func BenchmarkRead(b *testing.B) {
	v := feature.Core()
	for _, n := range []int{20, 200, 2000} {
		a := fold(feature.Activity{}, shopper(n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var dst []float64
			for b.Loop() {
				dst = v.Read(a, noon, dst[:0])
			}
		})
	}
}

// BenchmarkReadRetail reads a person's vector: of an activity that is in memory, and of one that must be decoded first.
func BenchmarkReadRetail(b *testing.B) {
	v := feature.Retail()
	layout := feature.LayoutOf(v)
	for _, n := range []int{20, 200} {
		a := fold(layout.Empty(), shopper(n))
		blob := feature.Encode(a)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var dst []float64
			for b.Loop() {
				dst = v.Read(a, noon, dst[:0])
			}
			b.ReportMetric(float64(len(blob)), "blob-bytes")
		})
		b.Run(fmt.Sprintf("%d/encoded", n), func(b *testing.B) {
			b.ReportAllocs()
			var dst []float64
			for b.Loop() {
				decoded, err := layout.Decode(blob)
				if err != nil {
					b.Fatal(err)
				}
				dst = v.Read(decoded, noon, dst[:0])
			}
		})
	}
}

// BenchmarkPrepared reads a person's vector again and again, later and later, while nothing enters or leaves a window.
func BenchmarkPrepared(b *testing.B) {
	for _, v := range []feature.View{feature.Core(), feature.Retail()} {
		p := v.Prepare(fold(feature.LayoutOf(v).Empty(), shopper(200)), noon)
		b.Run(v.Name()+"/200", func(b *testing.B) {
			b.ReportAllocs()
			var dst []float64
			for later := int64(0); b.Loop(); later = (later + 1) % minute {
				var holds bool
				if dst, holds = p.ReadAt(feature.Moment{NowMS: noon + later}, dst[:0]); !holds {
					b.Fatal("it does not hold for a minute")
				}
			}
		})
	}
}

func BenchmarkFoldRetail(b *testing.B) {
	all := shopper(200)
	layout := feature.LayoutOf(feature.Retail())
	b.ReportAllocs()
	var f *feature.Folder
	for i := 0; b.Loop(); i++ {
		if i%200 == 0 {
			f = feature.NewFolder(layout.Empty())
		}
		f.Fold(all[i%200])
	}
}

func BenchmarkMerge(b *testing.B) {
	all := shopper(40)
	web, app := fold(feature.Activity{}, all[:20]), fold(feature.Activity{}, all[20:])
	b.ReportAllocs()
	for b.Loop() {
		feature.Merge(web, app)
	}
}

func BenchmarkParseView(b *testing.B) {
	document := feature.Core().Canonical()
	for b.Loop() {
		if _, err := feature.ParseView(document); err != nil {
			b.Fatal(err)
		}
	}
}
