// Package match says how likely it is that two records stand for one person, and why: the model of Fellegi and Sunter
// with parameters learned without labels.
//
// A Model names fields, comparisons of them in levels, and blocks: keys of which two records must share one to be
// compared at all. Fit learns the parameters: u, the chance of a level between two people, from random pairs; m, its
// chance within one person, and the prior by expectation-maximisation over the pairs that the blocks find. Compare
// gives a posterior and the waterfall that leads to it. Index finds the candidates of one record as it arrives.
//
// Values are personal: nothing here prints them, keeps them longer than a Prepared record lives, or puts them into a
// Model. An Index holds hashes only.
package match
