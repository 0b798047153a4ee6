// Package segment speaks Segment's HTTP tracking API, so that every client of it can send to Proffer unchanged. It
// adds what Segment's answer leaves out: a verdict for each event that was not accepted, and a dry run.
package segment
