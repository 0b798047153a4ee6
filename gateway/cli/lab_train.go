package cli

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"

	"github.com/profferhq/proffer/gateway/lab/learn"
)

type labTrain struct {
	output
	In    string   `help:"File of rows: CSV with a line of names, compressed by gzip or zstd or not." required:"" placeholder:"FILE"`
	Label string   `help:"Column to predict: one of two values." required:"" placeholder:"COLUMN"`
	Drop  []string `help:"Columns to leave out." placeholder:"COLUMN,..."`
	Folds int      `help:"In how many parts the rows are left out, each once." default:"5"`
	Seed  uint64   `help:"Draws the parts." default:"1"`
}

// Help is shown by --help.
func (labTrain) Help() string {
	return "Works without a server. Example: proffer lab train --in churn.csv --label churned --drop customer_id\n\n" +
		"All figures are of rows that the model, its stopping and its calibration have not seen; the baseline is logistic regression " +
		"on the same parts. ECE has ten bins of equal width. How it is done is told in docs/training.md."
}

// Run trains, judges and prints.
func (c labTrain) Run(r *run) error {
	show := newProgress(r.err, "folds")
	trial, err := learn.Run(r.ctx, learn.Options{
		In: c.In, Label: c.Label, Drop: c.Drop, Folds: c.Folds, Seed: c.Seed, Workers: runtime.GOMAXPROCS(0), Progress: show.update,
	})
	show.finish()
	if err != nil {
		return usage(err)
	}
	return c.print(r, trial.Result, func(w io.Writer) { tellTraining(w, trial) })
}

// tellTraining is the result for people.
func tellTraining(w io.Writer, t *learn.Trial) {
	fmt.Fprintf(w, "%d rows, %d columns, %.1f %% %q, the others %q\n\n", t.Rows, t.Columns, 100*t.BaseRate, t.Positive, t.Negative)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tAUC\taccuracy\tlog loss\tBrier\tECE\t")
	for _, of := range []struct {
		name string
		learn.Scores
	}{{"boosted trees", t.Result.Scores}, {"logistic regression", t.Result.Baseline}} {
		fmt.Fprintf(table, "%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t\n", of.name, of.AUC, of.Accuracy, of.LogLoss, of.Brier, of.ECE)
	}
	_ = table.Flush()
	fmt.Fprintln(w, "\nby falling score, in tenths of the rows:")
	fmt.Fprintln(table, "tenth\tmean score\trate\tlift\tcaptured\t")
	for i, l := range t.Lift {
		fmt.Fprintf(table, "%d\t%.3f\t%.3f\t%.2f\t%.1f %%\t\n", i+1, l.MeanScore, l.Rate, l.Lift, 100*l.Captured)
	}
	_ = table.Flush()
	fmt.Fprintln(w, "\nwhat matters, by what its splits won:")
	for i, f := range t.Result.Importance {
		if i == 15 || f.Splits == 0 {
			break
		}
		fmt.Fprintf(table, "%.1f %%\t%d splits\t%s\t\n", 100*f.Gain, f.Splits, f.Feature)
	}
	_ = table.Flush()
	for i, warning := range t.Result.Warnings {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "warning:", warning)
	}
}
