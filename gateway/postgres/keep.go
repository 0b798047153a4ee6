package postgres

import (
	"os/exec"
	"runtime"
)

// keep starts the server from a thread that lives as long as the server: on Linux the death of the thread that started
// a child counts as the death of the parent.
func (c *cluster) keep(cmd *exec.Cmd) error {
	started := make(chan error)
	c.exited = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			c.process, c.pid = cmd.Process, cmd.Process.Pid
		}
		started <- err
		if err == nil {
			c.exit = cmd.Wait()
		}
		close(c.exited)
	}()
	return <-started
}
