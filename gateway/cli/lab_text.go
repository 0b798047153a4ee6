package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/lab"
)

// tellLab is the result for people.
func tellLab(w io.Writer, r lab.Result) {
	fmt.Fprintf(w, "%d records, %d candidate pairs, %d people, %.1f s\n", r.Records, r.CandidatePairs, r.Clusters, r.Seconds)
	tellModel(w, r)
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "posterior\tlinks\ttp\tfp\tfn\tprecision\trecall\tF1\texpected\t")
	for _, x := range r.Thresholds {
		fmt.Fprintf(t, ">= %.2f\t%d\t", x.Posterior, x.Links)
		if x.TP != nil {
			fmt.Fprintf(t, "%d\t%d\t%d\t%.4f\t%.4f\t%.4f\t", *x.TP, *x.FP, *x.FN, *x.Precision, *x.Recall, *x.F1)
		} else {
			fmt.Fprint(t, strings.Repeat("-\t", 6))
		}
		fmt.Fprintf(t, "%.4f\t\n", x.ExpectedPrecision)
	}
	_ = t.Flush()
	fmt.Fprintf(w, "\nreview from %g to %g: %d pairs", r.Review.Low, r.Review.High, r.Review.Pairs)
	if r.Review.True != nil {
		fmt.Fprintf(w, ", %d of them one person", *r.Review.True)
	}
	fmt.Fprintln(w)
	for _, x := range r.Waterfalls {
		drawLab(w, x)
	}
}

// tellModel says what was compared, and what blocking left out.
func tellModel(w io.Writer, r lab.Result) {
	var names []string
	for _, c := range r.Model.Comparisons {
		names = append(names, c.Name)
	}
	fmt.Fprintf(w, "compared: %s\n", strings.Join(names, ", "))
	for _, b := range r.Blocks {
		if b.SkippedGroups > 0 {
			fmt.Fprintf(w, "block %s: %d values are too common; their %d pairs are compared only where another block finds them\n",
				strings.Join(b.Block, " + "), b.SkippedGroups, b.SkippedPairs)
		}
	}
}

// drawLab draws a pair that was weighed.
func drawLab(w io.Writer, x lab.Waterfall) {
	fmt.Fprintf(w, "\n%s and %s:\n", x.A, x.B)
	f := &profferv1.Waterfall{Model: "lab", PriorBits: x.Prior, WeightBits: x.Weight, Posterior: x.Posterior}
	for _, t := range x.Terms {
		f.Terms = append(f.Terms, &profferv1.WaterfallTerm{Comparison: t.Comparison, Level: t.Level, Bits: t.Bits, FrequencyBits: t.FrequencyBits})
	}
	tellWaterfall(w, f)
}
