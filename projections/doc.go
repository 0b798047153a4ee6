// Package projections folds the log into what is read: one activity per alias (ViewsProjector), how much there is of
// what (CountsProjector), and tables for analysts (TablesProjector). Each reads through the port Source, writes
// through a port of its own, keeps its checkpoint with what it has written, and can be rebuilt from nothing: for equal
// logs the result is equal, whatever the batches, the order between streams and the crashes were. What is kept in memory
// only (Recommendations, Habits, Purchases) is folded anew after a start. Training exports rows and changes nothing.
package projections
