// Package habit reads two habits off what a person did, each with the reasons for its number: how much she waits for a lower
// price, and how near to buying she is right now. Both are sums that a person can check, not learned models: a base to beat.
package habit
