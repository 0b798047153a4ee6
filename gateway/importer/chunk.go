package importer

import (
	"errors"
	"io"
)

// eachChunk hands over the rows in chunks, until the end of the file or an error of either side.
func eachChunk(rows rowReader, take func([]row) error) error {
	for {
		chunk := make([]row, 0, rowsInChunk)
		var err error
		for len(chunk) < rowsInChunk && err == nil {
			var next row
			if next, err = rows.next(); err == nil {
				chunk = append(chunk, next)
			}
		}
		if len(chunk) > 0 {
			if stopped := take(chunk); stopped != nil {
				return stopped
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
