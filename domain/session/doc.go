// Package session folds single hits (a page was seen, somebody is still looking at it, anything else) into page views,
// sessions and visitors. Sessions and visitors are those that the source names; all names are opaque texts.
//
// The result is a function of the set of hits: neither their order nor hits that come twice change it.
package session
