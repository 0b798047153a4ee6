package postgres_test

import (
	"net"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestSilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	conn, err := open(t, machine(t).server.URL()).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	option := socketOptions(t, conn.Conn().PgConn().Conn().(*net.TCPConn))
	for name, o := range map[string]struct{ level, option, want int }{
		"keep-alive":      {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		"seconds idle":    {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
		"seconds between": {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 5},
		"probes":          {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3},
	} {
		if got := option(o.level, o.option); got != o.want {
			t.Errorf("%s: got %d, want %d", name, got, o.want)
		}
	}
	const userTimeout, rtoMaxMS = 18, 44
	if between, bound := option(syscall.IPPROTO_TCP, rtoMaxMS), option(syscall.IPPROTO_TCP, userTimeout); between != 2_000 && bound != 30_000 {
		t.Errorf("what is not acknowledged: got %d ms between retransmissions and a bound of %d ms, want 2000 or 30000", between, bound)
	}
}

// socketOptions reads options of a socket; one that the kernel lacks is -1.
func socketOptions(t *testing.T, conn *net.TCPConn) func(level, option int) int {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return func(level, option int) int {
		value := -1
		if err := raw.Control(func(fd uintptr) {
			if got, err := syscall.GetsockoptInt(int(fd), level, option); err == nil {
				value = got
			}
		}); err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestServerGivesUpASilentClient(t *testing.T) {
	t.Parallel()
	// Of these Postgres tells what the socket has.
	bounds := `SELECT ARRAY[current_setting('tcp_keepalives_idle'), current_setting('tcp_keepalives_interval'),
		current_setting('tcp_keepalives_count'), current_setting('tcp_user_timeout')]`
	for parameters, want := range map[string][]string{
		"": {"15", "5", "3", "30000"},
		"&tcp_keepalives_idle=77&tcp_user_timeout=9000": {"77", "5", "3", "9000"},
	} {
		var got []string
		if err := open(t, withDatabase(machine(t).server.URL(), "postgres")+parameters).QueryRow(t.Context(), bounds).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", parameters, got, want)
		}
	}
}

// TestUnixSocketsAreDialed: they have none of the options.
func TestUnixSocketsAreDialed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := open(t, "postgres:///d?host=/somewhere").Config().ConnConfig.DialFunc(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
