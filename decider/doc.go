// Package decider turns a request and what is known into a decision: gather (in memory) -> choose (pure) -> append
// (durable) -> answer. It explains and replays what was decided; nothing of an explanation is stored.
//
// # Who is known how
//
// Identities follows IDENTITY into the graph of profiles, Policies follows POLICY into compiled policies, and Views
// (a port) serves the folded activities. A record names exactly what was read of each: one cut for identities and
// policies, and for each alias the positions up to which its activity was folded.
//
// # Vectors
//
// A vector is read from the activities of a profile's aliases, decoded and merged. Of whoever is read again in the same
// state Vectors keeps what was decoded and what does not move with time, so that the next vector takes a few microseconds;
// what is kept is known by what it was read from, never by a time to live, and the vector is the same to the bit.
//
// # Contacts
//
// Contact limits are exact: all decisions of a profile are made one at a time, in the lane of its profile id. A
// decision in lane L knows every contact of its aliases that stands in L before it, or in another lane at a
// sequence not later than its cut of DECISION. The views lag behind the log, so contacts given since then are kept
// in an overlay until the views have them; a decision waits until no append about its aliases is under way.
//
// # Identity then and now
//
// A record names the cut of IDENTITY and the aliases that were the person. Replay folds the links and marks up to that
// cut into the same graph that the live decider reads, so that a decision replays whatever was linked, split or marked
// since. Suppose makes it again under another identity, and Profiles reads a whole profile as of any cut.
package decider
