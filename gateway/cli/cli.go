// Package cli is the command line: one file per command. A command talks to a running server (--server, or the
// one whose data folder is named) or, where none runs, opens the data folder itself for as long as it takes.
package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"connectrpc.com/connect"
	"github.com/alecthomas/kong"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/gateway"
	"github.com/profferhq/proffer/gateway/natskv"
)

// Exit codes; exits says what each means.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitUnreachable = 3
)

// exits say what each exit code means, in --help and in the reference.
var exits = [...]string{
	ExitOK:          "done",
	ExitFailed:      "it failed, was refused, or something differs",
	ExitUsage:       "the command line is wrong, or a file that it names",
	ExitUnreachable: "no server answers, or one whose log or database is away",
}

func exitCodes() string {
	var text strings.Builder
	for code, meaning := range exits {
		if code > 0 {
			text.WriteString("; ")
		}
		fmt.Fprintf(&text, "%d %s", code, meaning)
	}
	return text.String()
}

type commands struct {
	Serve      serve      `cmd:"" help:"Start the server."`
	Import     importing  `cmd:"" help:"Import files by a declarative mapping."`
	Decide     decide     `cmd:"" help:"Ask for one decision."`
	Explain    explain    `cmd:"" help:"Explain a decision: every candidate, where it left and why."`
	Replay     replay     `cmd:"" help:"Make decisions again and compare them with their records."`
	Rebuild    rebuild    `cmd:"" help:"Drop the tables and the views and fold the log again."`
	Digest     digest     `cmd:"" help:"Hash the content of every projection."`
	Status     status     `cmd:"" help:"Count what the log holds and how far the projections are."`
	Quarantine quarantine `cmd:"" help:"List, repair or discard what was refused."`
	Policy     policy     `cmd:"" help:"Publish, validate or list policies."`
	Feature    features   `cmd:"" help:"Publish, compare and switch feature views; follow their lineage."`
	Export     exporting  `cmd:"" help:"Export rows for training."`
	Model      models     `cmd:"" help:"Import, register, assign and roll back models."`
	Identity   identities `cmd:"" help:"See, join and split people; guards, reviews, matching."`
	Segment    segments   `cmd:"" help:"Define segments, see who is in them, recommend items."`
	Lab        laboratory `cmd:"" help:"Try parts of Proffer on files, without a server."`
	Bench      benchmark  `cmd:"" help:"Measure, with the ceiling in the same run."`
	Version    version    `cmd:"" help:"Print the version."`
	Reference  reference  `cmd:"" hidden:"" help:"Print the configuration reference."`
}

// errDiffers ends a command that has told all there is to tell with exit code 1.
var errDiffers = errors.New("cli: something differs")

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	usage := false
	parser, err := kong.New(&c,
		kong.Name("proffer"),
		kong.Description("Decides what to offer whom, and proves it.\n\nExit codes: "+exitCodes()+"."),
		kong.Writers(stdout, stderr),
		kong.UsageOnError(),
		kong.Exit(func(int) { usage = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"view": feature.DefaultView},
	)
	if err != nil {
		fmt.Fprintln(stderr, "proffer:", err)
		return ExitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if usage {
		return ExitOK // --help has printed it
	}
	if err != nil {
		fmt.Fprintf(stderr, "proffer: %v\nRun proffer --help for the commands.\n", err)
		return ExitUsage
	}
	err = parsed.Run(&run{ctx: ctx, out: stdout, err: stderr})
	return exitCode(err, stderr)
}

// damaged says what helps when the files of the log or the vault are not as they were written.
const damaged = `Files of the log or the vault are damaged. Restore the whole data folder from a backup; in a cluster, let the damaged replica be copied
from the others. Both are described in the README under "A damaged log".`

// damagedEnd says what else helps when that is the log's end.
const damagedEnd = `Without a backup, proffer rebuild folds what is left of the log; what is lost stays lost.`

func exitCode(err error, stderr io.Writer) int {
	var remote *connect.Error
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errDiffers):
		return ExitFailed
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "proffer: interrupted")
		return ExitFailed
	case errors.Is(err, gateway.ErrUsage):
		fmt.Fprintln(stderr, "proffer:", err)
		return ExitUsage
	case errors.Is(err, errNoServer):
		fmt.Fprintln(stderr, "proffer:", err)
		return ExitUnreachable
	case errors.Is(err, domain.ErrEnvelopeCorrupt), errors.Is(err, domain.ErrChainBroken), errors.Is(err, natskv.ErrVaultDamaged):
		fmt.Fprintf(stderr, "proffer: %v\n%s\n", err, damaged)
		return ExitFailed
	case errors.Is(err, domain.ErrEndLost):
		fmt.Fprintf(stderr, "proffer: %v\n%s\n%s\n", err, damaged, damagedEnd)
		return ExitFailed
	case errors.As(err, &remote) && cutOff(remote):
		fmt.Fprintf(stderr, "proffer: %v: %s\n", errNoServer, remote.Message())
		return ExitUnreachable
	case errors.As(err, &remote) && remote.Code() == connect.CodeUnauthenticated:
		fmt.Fprintf(stderr, "proffer: %s: name the file with the operator's key: --key FILE\n", describe(remote))
		return ExitFailed
	case errors.As(err, &remote):
		fmt.Fprintf(stderr, "proffer: %s: %s\n", describe(remote), remote.Message())
		if remote.Code() == connect.CodeUnavailable {
			return ExitUnreachable
		}
		return ExitFailed
	}
	fmt.Fprintln(stderr, "proffer:", err)
	return ExitFailed
}

// cutOff says that no server gave this error: none answered, or the connection broke before it did (which connect takes for
// a cancellation, and which is none: those end the context) or in the middle of a stream (which it takes for an internal
// error).
func cutOff(err *connect.Error) bool {
	var broken *net.OpError
	return len(err.Details()) == 0 && (err.Code() == connect.CodeUnavailable || err.Code() == connect.CodeCanceled ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &broken))
}

// run is what every command gets.
type run struct {
	ctx context.Context
	out io.Writer
	err io.Writer
}

// output is the flag that every command has.
type output struct {
	JSON bool `help:"Print JSON: a contract, unlike the text for people." name:"json"`
}

// print writes v as JSON, or the text for people.
func (o output) print(r *run, v any, text func(w io.Writer)) error {
	if !o.JSON {
		return tell(r, text)
	}
	encoder := json.NewEncoder(r.out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// tell writes the text for people: a disk that is full is no success.
func tell(r *run, text func(w io.Writer)) error {
	w := bufio.NewWriter(r.out)
	text(w)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
