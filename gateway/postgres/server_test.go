//go:build unix

package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/profferhq/proffer/gateway/postgres"
)

// helperDir, in the environment, makes the test binary a process that starts Postgres there and waits to be killed.
const helperDir = "PROFFER_TEST_HELPER_DIR"

func helperProcess(dir string) {
	server, err := postgres.Start(context.Background(), postgres.Options{Dir: dir, NoSync: true})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(server.PID(), server.URL())
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed
}

// folder is a temporary folder that the account of Postgres can reach.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "proffer-launch-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, options postgres.Options) *postgres.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := postgres.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func startArchive(t *testing.T) *shared {
	t.Helper()
	if testing.Short() {
		t.Skip("the archive is left out of short runs")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	binaries, err := postgres.ArchiveBinaries(ctx, postgres.Options{})
	if err != nil {
		t.Skipf("the archive of PostgreSQL 18 cannot be had here: %v", err)
	}
	other := &shared{server: start(t, postgres.Options{Dir: folder(t), Binaries: binaries, NoSync: true})}
	if err := other.makeTemplate(ctx); err != nil {
		t.Fatal(err)
	}
	return other
}

func TestConfiguredDatabaseIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	for owner, analyst := range map[string]string{
		"postgres://somewhere/else":     "postgres://proffer_analyst@somewhere/else",
		"postgres://u:secret@h:1/d":     "postgres://proffer_analyst@h:1/d",
		"host=h user=u password=secret": "host=h user=proffer_analyst",
		`port = 1 password='it\'s secret' dbname='a b' sslmode=require sslkey=k`: `port=1 dbname='a b' sslmode=require user=proffer_analyst`,
		"no settings": "",
		"postgres://h/d?password=p&user=u&sslmode=require&pool_max_conns=9": "postgres://proffer_analyst@h/d?sslmode=require",
	} {
		server := start(t, postgres.Options{DatabaseURL: owner})
		if server.URL() != owner || server.AnalystURL() != analyst || server.Dir() != "" {
			t.Errorf("%s: got %q, %q, %q", owner, server.URL(), server.AnalystURL(), server.Dir())
		}
	}
}

func TestServerKeepsItsDataAndItsURL(t *testing.T) {
	t.Parallel()
	options := postgres.Options{Dir: folder(t), NoSync: true}
	first := start(t, options)
	pool := open(t, first.URL())
	if _, err := pool.Exec(t.Context(), "CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	pool.Close()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	second := start(t, options)
	t.Logf("warm start %v", time.Since(begun))
	if second.URL() != first.URL() || second.AnalystURL() != first.AnalystURL() {
		t.Error("the URLs changed")
	}
	var x int
	if err := open(t, second.URL()).QueryRow(t.Context(), "SELECT x FROM kept").Scan(&x); err != nil || x != 7 {
		t.Errorf("got %d, %v", x, err)
	}
}

func TestServerWantsAPassword(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(machine(t).server.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), "guess")
	pool := open(t, u.String())
	if err := pool.Ping(t.Context()); err == nil {
		t.Error("a wrong password is let in")
	}
	for _, name := range []string{"owner.password", "analyst.password"} {
		info, err := os.Stat(filepath.Join(filepath.Dir(machine(t).server.Dir()), name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestSecondProcessJoinsTheServer(t *testing.T) {
	t.Parallel()
	joined := start(t, postgres.Options{Dir: machine(t).dir, NoSync: true})
	if !joined.Joined() || joined.URL() != machine(t).server.URL() {
		t.Errorf("joined %v, same URL %v", joined.Joined(), joined.URL() == machine(t).server.URL())
	}
	if err := joined.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, machine(t).server.URL()).Ping(t.Context()); err != nil {
		t.Errorf("closing the second took the server away: %v", err)
	}
}

func TestClosedServerLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	server := start(t, postgres.Options{Dir: folder(t), NoSync: true})
	pid := server.PID()
	pool := open(t, server.URL())
	if err := pool.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A client that is still there does not hold it up.
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("processes are left: %v", err)
	}
	if _, err := os.Stat(filepath.Join(server.Dir(), "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it did not stop cleanly: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

func TestServerRunsUnprivileged(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("this process is not root")
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", machine(t).server.PID()))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid == 0 {
		t.Error("Postgres runs as root")
	}
}

func TestFolderThatTheAccountCannotReach(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("this process is not root")
	}
	dir := folder(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	server := start(t, postgres.Options{Dir: dir, NoSync: true})
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(server.Dir())) })
	if strings.HasPrefix(server.Dir(), dir) {
		t.Error("the cluster lies where its account cannot reach it")
	}
	if err := open(t, server.URL()).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}

// It is not parallel: the umask is the whole process's.
func TestFoldersUnderAStrictUmask(t *testing.T) {
	dir, private := folder(t), folder(t)
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	for _, d := range []string{dir, private} {
		server := start(t, postgres.Options{Dir: d, NoSync: true})
		if os.Geteuid() == 0 && d == private {
			t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(server.Dir())) })
		}
		if err := open(t, server.URL()).Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestStaleStateIsIgnored(t *testing.T) {
	t.Parallel()
	options := postgres.Options{Dir: folder(t), NoSync: true}
	server := start(t, options)
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-server.Exited()
	again := start(t, options)
	if again.Joined() {
		t.Error("joined a server that was killed")
	}
	if err := open(t, again.URL()).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestServerDiesWithItsProcess: a process killed with -9 takes its Postgres with it.
func TestServerDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a child of its parent's death")
	}
	dir := folder(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	helper := exec.Command(self)
	helper.Env = append(os.Environ(), helperDir+"="+dir)
	stdin, err := helper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("helper: %q, %v", line, err)
	}
	pidText, address, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(pidText)
	if err != nil {
		t.Fatalf("helper said %q", line)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(context.Background())
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait() // killed
	// The server disconnects its clients when it stops; then its first process goes.
	if _, err := connection.WaitForNotification(ctx); ctx.Err() != nil {
		t.Fatalf("Postgres goes on after its process was killed: %v", err)
	}
	eventually(t, "the server's first process goes", func() bool { return !alive(pid) })
}

// alive says whether a process runs; one that has ended and was not waited for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestNoPostgresIsSaidClearly(t *testing.T) {
	t.Parallel()
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: folder(t), Binaries: "/nowhere"})
	if err == nil {
		t.Fatal("started from nowhere")
	}
}
