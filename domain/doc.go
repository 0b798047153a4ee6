// Package domain is what can happen and what it means: places in the log, aliases, envelopes and their
// chain. Its folders hold the event catalogue, the fold of activities and their features, the identity graph
// and the policy. Nothing here does I/O, reads a clock, draws randomness or starts a goroutine.
package domain
