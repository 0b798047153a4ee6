// Package model is models of trees: as a file with a digest, and loaded to score. It is the only place that knows
// leaves, and it gives leaves nothing but text that it wrote itself: foreign files are read strictly into tree.Ensemble
// (packages xgboost and lightgbm), which is data.
package model
