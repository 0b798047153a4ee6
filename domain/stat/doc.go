// Package stat has the figures by which models are judged and watched: how well scores order rows, how far
// probabilities are from what happens, and how far values have moved from where they were. All is pure, all may be
// weighted, and rows in another order give the same figures but for rounding. What is not defined (an AUC of one class,
// a mean of no rows) is NaN: never 0, which would be a result.
package stat
