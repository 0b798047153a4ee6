package postgres

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// archive is a PostgreSQL packed for npm: initdb, pg_ctl and postgres with their libraries. It is pinned by the hash
// of its bytes, so it does not matter where they come from.
type archive struct {
	name, version string
	// sha512 is the integrity as npm writes it, without "sha512-".
	sha512 string
	major  int
}

// pinnedArchive is PostgreSQL 18.4 for this platform; false where there is none.
func pinnedArchive(goos, goarch string) (archive, bool) {
	sums := map[string][2]string{
		"linux/amd64":   {"linux-x64", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="},
		"linux/arm64":   {"linux-arm64", "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="},
		"darwin/arm64":  {"darwin-arm64", "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="},
		"darwin/amd64":  {"darwin-x64", "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="},
		"windows/amd64": {"windows-x64", "AwRerliA4IGWyW5jWBvHt5vidVUSB0QQW9Tt2y7ScnmifnCb/awfxZr4BkBSTv+gNt8Djcddqs+xSF5Z6/CkTg=="},
	}
	pin, known := sums[goos+"/"+goarch]
	return archive{name: pin[0], version: "18.4.0-beta.17", sha512: pin[1], major: 18}, known
}

// verify checks the bytes against the pin.
func (a archive) verify(packed []byte) error {
	sum := sha512.Sum512(packed)
	if base64.StdEncoding.EncodeToString(sum[:]) != a.sha512 {
		return fmt.Errorf("the archive of PostgreSQL %d is not the one that is pinned: it was refused", a.major)
	}
	return nil
}

// fromArchive is the archive's binaries, from the cache or fetched now.
func fromArchive(ctx context.Context, options Options, a account) (binaries, error) {
	pinned, known := pinnedArchive(runtime.GOOS, runtime.GOARCH)
	if !known {
		return binaries{}, fmt.Errorf("there is none for %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	cache, err := cacheFolder(options)
	if err != nil {
		return binaries{}, err
	}
	home := filepath.Join(cache, "postgres-"+pinned.version+"-"+pinned.name)
	if _, err := os.Stat(home); errors.Is(err, os.ErrNotExist) {
		if options.NoDownload {
			return binaries{}, errors.New("fetching it is not allowed")
		}
		if err := pinned.install(ctx, cache, home); err != nil {
			return binaries{}, err
		}
	}
	return probe(ctx, filepath.Join(home, "native", "bin"), a)
}

// cacheFolder is where archives are unpacked. Root takes a folder that everybody can enter.
func cacheFolder(options Options) (string, error) {
	cache := options.Cache
	switch {
	case cache != "":
	case os.Geteuid() == 0:
		cache = "/var/cache/proffer"
	default:
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache folder: %w", err)
		}
		cache = filepath.Join(user, "proffer")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	return cache, nil
}

// install fetches, checks and unpacks the archive. It appears at its place complete or not at all.
func (a archive) install(ctx context.Context, cache, home string) error {
	draft, err := os.MkdirTemp(cache, "unpacking-")
	if err != nil {
		return fmt.Errorf("make a folder to unpack in: %w", err)
	}
	defer os.RemoveAll(draft)
	packed, err := a.fetch(ctx, draft)
	if err != nil {
		return fmt.Errorf("fetch it: %w", err)
	}
	if err := a.verify(packed); err != nil {
		return err
	}
	unpacked := filepath.Join(draft, "unpacked")
	if err := unpack(packed, unpacked); err != nil {
		return fmt.Errorf("unpack it: %w", err)
	}
	if err := os.Rename(unpacked, home); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(home); there != nil {
			return fmt.Errorf("put it into the cache: %w", err)
		}
	}
	return nil
}

// ArchiveBinaries is the folder of the pinned archive's programs, fetched if need be: for Options.Binaries, where
// another version than the machine's is wanted.
func ArchiveBinaries(ctx context.Context, options Options) (string, error) {
	account, err := unprivileged()
	if err != nil {
		return "", err
	}
	b, err := fromArchive(ctx, options, account)
	if err != nil {
		return "", fmt.Errorf("postgres: the archive: %w", err)
	}
	return b.dir, nil
}
