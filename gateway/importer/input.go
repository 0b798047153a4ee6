package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// inputFile is one file of an import: its path here, and its name everywhere.
type inputFile struct {
	path string
	// base is the file's name without folder and compression.
	base string
	size int64
}

// opened is a file being read, decompressed.
type opened struct {
	io.Reader
	file  *os.File
	close func()
}

func (o *opened) Close() error {
	o.close()
	return o.file.Close()
}

// counted counts the compressed bytes as they are read, for the progress.
type counted struct {
	r    io.Reader
	done *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done.Add(int64(n))
	return n, err
}

// open starts reading a file. What it is compressed with is seen from its first bytes, not from its name.
func (f inputFile) open(done *atomic.Int64) (*opened, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.base, err)
	}
	raw := bufio.NewReaderSize(counted{file, done}, 128<<10)
	o := &opened{Reader: raw, file: file, close: func() {}}
	magic, err := raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = file.Close() // the read error says more
		return nil, fmt.Errorf("read %s: %w", f.base, err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(raw)
		if err != nil {
			_ = file.Close() // the gzip error says more
			return nil, fmt.Errorf("read %s as gzip: %w", f.base, err)
		}
		o.Reader = z
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			_ = file.Close() // the zstd error says more
			return nil, fmt.Errorf("read %s as zstd: %w", f.base, err)
		}
		o.Reader, o.close = z, z.Close
	}
	return o, nil
}
