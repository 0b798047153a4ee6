// Package train learns models from rows: gradient-boosted trees over histograms, the logistic regression that every
// one of them is shown against, and the calibrations that make probabilities of margins. Same rows, same options, same
// seed, same kind of machine: the same trees, bit for bit. All is one goroutine's work.
package train
