// Package importer reads files by a declarative mapping and hands what they say to a sink, as items of the
// ingest API. A mapping is a YAML document: which files, which rows are skipped or refused, and which items a
// row (or a group of rows) becomes, with expressions in CEL. docs/mappings.md describes the language.
//
// What it promises: every line after a file's header is a row that became items, a refused row (sent as an item
// with a reason, so that it is kept in quarantine with its original), a row skipped by a declared rule, a
// continuation of a quoted row, or blank, and the Summary counts each; the same file gives the same items with
// the same message identities (source and source_seq) on every machine; items of one source are sent one batch
// after another, in increasing source_seq; money never passes through a float.
package importer
