// Package commandstest holds what tests of the log's users share: a log in memory and the conformance suite
// that it and the real log both pass.
package commandstest
