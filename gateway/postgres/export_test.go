package postgres

// Joined says whether another process runs this server; Close then leaves it running.
func (s *Server) Joined() bool { return s.joined }

// Dir is the folder of the private cluster; "" for a configured database.
func (s *Server) Dir() string {
	if s.cluster == nil {
		return ""
	}
	return s.cluster.data()
}

// PID is the process id of the private server's first process; 0 for a configured database.
func (s *Server) PID() int {
	if s.cluster == nil {
		return 0
	}
	return s.cluster.pid
}
