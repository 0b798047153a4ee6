// Command trainer trains and scores once, for compare_trainer.py: numbers in, figures out.
//
//	trainer ROUNDS DEPTH RATE FILE
//
// FILE has little-endian float32 numbers: rows to learn from, rows to score, columns; then the rows of both, one after
// the other, the label last. Missing is NaN. It prints one JSON line: auc of the rows to score, and the processor seconds
// of learning, from the numbers in memory to the trees.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"syscall"

	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain/stat"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "trainer:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("want ROUNDS DEPTH RATE FILE, got %d arguments", len(args))
	}
	var number [3]float64
	for i := range number {
		v, err := strconv.ParseFloat(args[i], 64)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		number[i] = v
	}
	set, learn, err := read(args[3])
	if err != nil {
		return err
	}
	o := train.Options{Objective: tree.Binary, Rounds: int(number[0]), Depth: int(number[1]), Rate: number[2], MinHessian: 1, L2: 1, Seed: 1}
	split := train.Split{Train: train.All(learn).Train}
	before := processor()
	b, err := train.Boost(context.Background(), set, split, o)
	if err != nil {
		return err
	}
	seconds := processor() - before
	var scored stat.Scored
	row, margin := make([]float64, len(set.Columns)), make([]float64, 1)
	for i := learn; i < set.Rows(); i++ {
		for f := range row {
			row[f] = set.Columns[f][i]
		}
		b.Ensemble.Margins(row, margin)
		scored.P, scored.Y = append(scored.P, margin[0]), append(scored.Y, set.Label[i] > 0)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"auc": scored.AUC(), "seconds": seconds})
}

func read(path string) (set *train.Set, learn int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	next := func() float64 {
		var b [4]byte
		if err == nil {
			_, err = io.ReadFull(r, b[:])
		}
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[:])))
	}
	learn = int(next())
	rows := learn + int(next())
	set = &train.Set{Columns: make([][]float64, int(next()))}
	for range rows {
		for c := range set.Columns {
			set.Columns[c] = append(set.Columns[c], next())
		}
		set.Label = append(set.Label, next())
	}
	return set, learn, err
}

// processor is the seconds this process has used, garbage collection and all.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return math.NaN()
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}
