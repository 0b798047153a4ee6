// Package natslog is the log on NATS JetStream: six streams, one subject per lane, one appender per lane with
// natural group commit, and verified reading.
//
// What it guarantees: an acknowledged append is durable as the server is configured (see EmbeddedOptions.Sync);
// events of one call stand in one envelope, next to one another; the events of one lane stand in the order in
// which Enqueue was called; an owner that lost its lane is refused (domain.ErrLaneLost) and never overwrites
// anything; what is read was checked against its checksum, its lane's chain and the stream's sequence.
package natslog
