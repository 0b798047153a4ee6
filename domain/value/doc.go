// Package value says what a person who buys without a contract will be worth: how many times she will buy again (the
// beta-geometric / negative binomial model of Fader, Hardie and Lee, 2005), what she will spend each time (the
// gamma-gamma model of Fader and Hardie, 2013), and how likely it is that she buys at all any more.
//
// Both models are fitted by maximum likelihood, on the logarithms of their parameters, by BFGS with exact gradients from
// several starts; the best of them is kept, the first where two are equal. The same histories in any order give the same
// parameters. Times are in any unit, as long as it is one; values are in any currency.
package value

import "errors"

// Errors of the package.
var (
	// ErrHistory: a history contradicts itself.
	ErrHistory = errors.New("value: a history that cannot be")
	// ErrHopeless: there is too little to learn from; the text says what is missing.
	ErrHopeless = errors.New("value: too little to learn from")
	// ErrParameters: a parameter is not a positive number.
	ErrParameters = errors.New("value: parameters must be positive")
)

// Least that is learned from.
const (
	MinPeople    = 20
	MinRepeating = 5
)
