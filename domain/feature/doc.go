// Package feature folds what is known of one alias into an Activity and reads feature vectors from it.
//
// Fold(state, event) and View.Read(state, now) are the one implementation that projections, the decider, the
// training export and the audit share: a vector served, exported or replayed is the same function of the same
// events, and so the same bits.
//
// # What is kept, and how exact it is
//
// An Activity has one part per stream about people: BEHAVIOUR, IDENTITY, DECISION, OUTCOME. Each part has its own
// applied position and never depends on the order between streams. A part keeps
//
//   - the latest MaxEntries events (MaxContacts in the DECISION part), by event time and then position, one by one;
//   - all older ones as counts and sums in tiles of 5 minutes, 1 hour and 1 day;
//   - totals for life of each kind of event.
//
// So a part is a function of the set of its events, not of the order in which they arrived, and merging the parts of
// several aliases gives what folding all their events into one would have given, to the byte.
//
// A window of width w at time now holds the events with now-w < time <= now. It is exact as long as the events in it
// are among those kept one by one. Beyond that the older end is rounded outwards to a tile: 5 minutes for windows
// under 12 hours, 1 hour under 12 days, 1 day from there on; so a window covers at most one hop too much. Distinct
// items, preferred hour and channel and the gap between two events are read from the events kept one by one only, and
// of one event at most MaxItems different items are kept.
// Events later than now are in no window; values for life leave them out too, unless so many have come since that
// they are no longer kept one by one.
//
// Money is in millionths of the currency unit (micros), times in Unix milliseconds.
package feature
