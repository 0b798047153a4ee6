package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/profferhq/proffer/domain/identity/match"
	"github.com/profferhq/proffer/gateway"
	"github.com/profferhq/proffer/gateway/lab"
	"github.com/profferhq/proffer/gateway/normal"
)

type laboratory struct {
	Identity labIdentity `cmd:"" help:"Match the records of files, and count against a known truth."`
	Sessions labSessions `cmd:"" help:"Fold the rows of files into page views, sessions and visitors."`
	Train    labTrain    `cmd:"" help:"Train on a file, and judge on rows left out, beside a baseline."`
	Ltv      labLifetime `cmd:"" help:"Expect purchases and value of people, from transactions or a summary."`
	Segments labSegments `cmd:"" help:"Group people: by likeness, or by recency, frequency and money."`
}

type labIdentity struct {
	output
	In        string  `help:"File of records: CSV, compressed by gzip or zstd or not." required:"" placeholder:"FILE"`
	With      string  `help:"Second file: its records are matched with those of the first only." placeholder:"FILE"`
	Config    string  `help:"Model as YAML or JSON; without one it is proposed from the columns." placeholder:"FILE"`
	ID        string  `name:"id" help:"Column of the record's id; else the first whose values never repeat." placeholder:"COLUMN"`
	Truth     string  `help:"Who is who, for counting only: a column, or a regular expression over the id whose first group names the person." placeholder:"COLUMN|REGEX"`
	Waterfall string  `help:"Show how two records are weighed." placeholder:"ID1,ID2"`
	Out       string  `help:"Write the pairs with their posteriors to a file." placeholder:"FILE"`
	Region    string  `help:"Country of phone numbers written without one." default:"US" placeholder:"CC"`
	Low       float64 `help:"Posterior from which a person is to review a pair." default:"0.2"`
	High      float64 `help:"Posterior from which a pair is linked." default:"0.8"`
	Seed      uint64  `help:"Decides which random pairs are drawn." default:"1"`
}

// Help is shown by --help.
func (labIdentity) Help() string {
	return "Works without a server. Example: proffer lab identity --in people.csv --truth cluster\n\nThe figures are explained in docs/matching.md."
}

// errBand: the review band is upside down.
var errBand = errors.New("--low and --high must be above 0, below 1 and in this order")

// Run matches, counts and prints.
func (c labIdentity) Run(r *run) error {
	if !(c.Low > 0 && c.Low < c.High && c.High < 1) {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, errBand)
	}
	reader, err := normal.NewFields(normal.Options{Region: c.Region, Year: time.Now().Year()})
	if err != nil {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
	}
	var config []byte
	if c.Config != "" {
		if config, err = os.ReadFile(c.Config); err != nil {
			return fmt.Errorf("read the model: %w", err)
		}
	}
	show := newProgress(r.err, "pairs")
	trial, err := lab.Run(r.ctx, lab.Options{
		In: c.In, With: c.With, Config: config, ID: c.ID, Truth: c.Truth, Reader: reader, Workers: runtime.GOMAXPROCS(0),
		Seed: c.Seed, Low: c.Low, High: c.High, Progress: show.update,
	})
	show.finish()
	if err != nil {
		return usage(err)
	}
	if err := c.weigh(trial); err != nil {
		return usage(err)
	}
	if err := c.write(trial); err != nil {
		return err
	}
	return c.print(r, trial.Result, func(w io.Writer) { tellLab(w, trial.Result) })
}

// usage marks what another command line would cure.
func usage(err error) error {
	if errors.Is(err, lab.ErrOptions) || errors.Is(err, match.ErrModel) {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
	}
	return err
}

// weigh adds the waterfall that was asked for.
func (c labIdentity) weigh(trial *lab.Trial) error {
	if c.Waterfall == "" {
		return nil
	}
	a, b, found := strings.Cut(c.Waterfall, ",")
	if !found {
		return fmt.Errorf("%w: --waterfall needs two ids with a comma between", lab.ErrOptions)
	}
	w, err := trial.Waterfall(strings.TrimSpace(a), strings.TrimSpace(b))
	if err != nil {
		return err
	}
	trial.Result.Waterfalls = append(trial.Result.Waterfalls, w)
	return nil
}

// write writes the pairs that a person reviews or that link: two ids, the posterior, and whether it links.
func (c labIdentity) write(trial *lab.Trial) (err error) {
	if c.Out == "" {
		return nil
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create the file of pairs: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := csv.NewWriter(f)
	rows := [][]string{{"id_a", "id_b", "posterior", "verdict"}}
	for _, p := range trial.Pairs {
		verdict := "review"
		switch {
		case p.Posterior >= c.High:
			verdict = "link"
		case p.Posterior < c.Low:
			continue
		}
		rows = append(rows, []string{trial.IDs[p.A], trial.IDs[p.B], strconv.FormatFloat(p.Posterior, 'f', 6, 64), verdict})
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("write the pairs: %w", err)
	}
	return nil
}
