// Command proffer is the product: one binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/profferhq/proffer/gateway/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
