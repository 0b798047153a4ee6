package cli

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/profferhq/proffer/gateway"
)

// maxDocument is how long a document may be, in bytes: a wrong name must not fill the memory.
const maxDocument = 4 << 20

// documentIn reads what somebody wrote from a file, or from standard input. It fails with ErrUsage when there is none, when it
// is empty, too long, or no text.
func documentIn(file, what string) (string, error) {
	text, err := readStart(file)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: read the %s: %w", gateway.ErrUsage, what, err)
	case len(text) == 0:
		return "", fmt.Errorf("%w: read the %s: %s is empty", gateway.ErrUsage, what, file)
	case len(text) > maxDocument:
		return "", fmt.Errorf("%w: read the %s: %s has more than %d MB", gateway.ErrUsage, what, file, maxDocument>>20)
	case !utf8.Valid(text):
		return "", fmt.Errorf("%w: read the %s: %s is no text in UTF-8", gateway.ErrUsage, what, file)
	}
	return string(text), nil
}

// readStart reads a document, and one byte more than it may have.
func readStart(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, maxDocument+1))
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // only read
	return io.ReadAll(io.LimitReader(in, maxDocument+1))
}
