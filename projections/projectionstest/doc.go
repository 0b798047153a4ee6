// Package projectionstest holds what the tests of projections and of their stores share: a log and stores in memory,
// and the suites that every implementation of a store must pass.
package projectionstest
