package cli

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/profferhq/proffer/gateway"
)

// maxDocument bounds what is read of standard input, in bytes.
const maxDocument = 4 << 20

// documentIn reads what somebody wrote from a file, or from standard input. It fails with ErrUsage when there is none, when it
// is empty, or no text.
func documentIn(file, what string) (string, error) {
	text, err := os.ReadFile(file)
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(os.Stdin, maxDocument))
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: read the %s: %w", gateway.ErrUsage, what, err)
	case len(text) == 0:
		return "", fmt.Errorf("%w: read the %s: %s is empty", gateway.ErrUsage, what, file)
	case !utf8.Valid(text):
		return "", fmt.Errorf("%w: read the %s: %s is no text in UTF-8", gateway.ErrUsage, what, file)
	}
	return string(text), nil
}
