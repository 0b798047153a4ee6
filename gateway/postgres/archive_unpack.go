package postgres

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// unpack writes an npm archive into a new folder and makes the symbolic links it lists, which npm itself would make
// after installing. Everything stays inside the folder: a path or a link that leads out of it is an error.
func unpack(packed []byte, folder string) error {
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	return unpackTar(unzipped, folder)
}

func unpackTar(unzipped io.Reader, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := unpackFile(root, header, files); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
	return makeLinks(root)
}

func unpackFile(root *os.Root, header *tar.Header, content io.Reader) error {
	name, inside := strings.CutPrefix(header.Name, "package/")
	if !inside || !filepath.IsLocal(filepath.FromSlash(name)) {
		return errors.New("the path leaves the archive")
	}
	if header.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, 0o755)
	}
	if header.Typeflag != tar.TypeReg {
		return errors.New("neither a file nor a folder")
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	// Readable by the account Postgres runs as, executable where the archive says so.
	mode := os.FileMode(0o644) | os.FileMode(header.Mode)&0o111
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, content); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// makeLinks makes the links of native/pg-symlinks.json: target is to point to source, both from the package's root.
func makeLinks(root *os.Root) error {
	const list = "native/pg-symlinks.json"
	content, err := root.ReadFile(list)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(content, &links); err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	for _, l := range links {
		source, target := filepath.FromSlash(l.Source), filepath.FromSlash(l.Target)
		if !filepath.IsLocal(source) || !filepath.IsLocal(target) {
			return fmt.Errorf("%s: a link leaves the archive", list)
		}
		to, err := filepath.Rel(filepath.Dir(target), source)
		if err != nil {
			return fmt.Errorf("%s: %w", list, err)
		}
		if err := root.Symlink(to, target); err != nil {
			return fmt.Errorf("%s: %w", list, err)
		}
	}
	return nil
}
