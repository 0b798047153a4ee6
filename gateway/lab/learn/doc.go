// Package learn trains on a file: it finds out what its columns are, trains boosted trees and the baseline in folds, and
// says how good they are on rows that they have not seen, which columns matter, and which give the label away. It needs
// no server.
package learn
