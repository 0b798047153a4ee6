package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loseEnd damages the last envelope of BEHAVIOUR and removes the stream's index, so that NATS cuts the block there.
func (s *server) loseEnd() {
	s.t.Helper()
	blocks, err := filepath.Glob(filepath.Join(s.dir, "nats", "store", "jetstream", "*", "streams", "BEHAVIOUR", "msgs", "*.blk"))
	if err != nil || len(blocks) != 1 {
		s.t.Fatalf("blocks %q: %v", blocks, err)
	}
	block, err := os.ReadFile(blocks[0])
	if err != nil {
		s.t.Fatal(err)
	}
	block[bytes.LastIndex(block, []byte("behaviour."))+100] ^= 1
	if err := os.WriteFile(blocks[0], block, 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(blocks[0]), "index.db")); err != nil {
		s.t.Fatal(err)
	}
}

// TestALogThatLostItsEndIsServedOnlyAfterARebuild: what the projections had folded tells what is missing.
func TestALogThatLostItsEndIsServedOnlyAfterARebuild(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	s.inhabit()
	s.digests() // all is folded
	s.stop()
	s.loseEnd()
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0", "--no-database"}, {"status"}} {
		if out, code := s.proffer(args...); code != 1 || !strings.Contains(out, "BEHAVIOUR was folded up to") || !strings.Contains(out, "proffer rebuild") {
			t.Errorf("%s: exit code %d\n%s", args[0], code, out)
		}
	}
	if out, code := s.proffer("rebuild"); code != 0 {
		t.Fatalf("rebuild: exit code %d\n%s", code, out)
	}
	s.start()
	left := s.digests()
	if out, code := s.proffer("rebuild"); code != 0 {
		t.Fatalf("rebuild again: exit code %d\n%s", code, out)
	}
	if diff := cmp.Diff(left, s.digests()); diff != "" {
		t.Errorf("after another rebuild:\n%s", diff)
	}
}
