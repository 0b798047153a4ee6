// Package natskv keeps in NATS key-value buckets what is looked up by key.
//
// Views are the newest activity of every alias: buckets that can be folded again from the log, written behind, and
// mirrored into the memory that decisions are made from. Counts and Counters are small numbers. The Vault is where
// identifiers become aliases; it is no function of the log and is as durable as the log.
//
// # What a crash does to views
//
// A rebuildable bucket on one node acknowledges a put before the disk has it. Killing the process loses at most the
// tail of each bucket, and with it the checkpoint, which is always written after the views it covers and in the same
// bucket: the next start goes on after the least checkpoint of the buckets and folds the rest again. A crash of the
// operating system may lose pages from the middle, so that a checkpoint survives what it covers; therefore each
// checkpoint names the run of the operating system it was written under (Incarnation) and how many views the bucket
// had. When either does not fit, the views are folded again from the beginning of the log.
package natskv
