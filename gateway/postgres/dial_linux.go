package postgres

import (
	"fmt"
	"strings"
	"syscall"
	"time"
)

// Options of Linux that package syscall does not name.
const (
	tcpUserTimeout = 18
	tcpRTOMaxMS    = 44 // since Linux 6.15
)

// retransmitEvery, with the kernel's 15 retransmissions (net.ipv4.tcp_retries2), gives a peer up after 27 s.
const retransmitEvery = 2 * time.Second

// boundUnacknowledged has the kernel give up a peer that acknowledges nothing of what was sent, which keep-alives do
// not notice. Older kernels only have a bound that also gives up a live server which reads nothing for so long, such as
// one whose COPY waits for the lock of a table; the batch is then tried again.
func boundUnacknowledged(network, _ string, socket syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var refused error
	err := socket.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpRTOMaxMS, int(retransmitEvery.Milliseconds()))
		if refused != nil {
			refused = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(silence.Milliseconds()))
		}
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return fmt.Errorf("bound the wait for acknowledgements: %w", err)
	}
	return nil
}
