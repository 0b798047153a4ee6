package rpc

import (
	"fmt"
	"regexp"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// strictJSON is connect's JSON codec but for one thing: a field that does not exist is an error. A typing mistake
// in "not_before" must not pass in silence.
type strictJSON struct{ name string }

// Name implements connect.Codec.
func (c strictJSON) Name() string { return c.name }

// IsBinary says that this codec writes text, so that a GET may carry it.
func (strictJSON) IsBinary() bool { return false }

// Marshal implements connect.Codec.
func (strictJSON) Marshal(m any) ([]byte, error) { return strictJSON{}.MarshalAppend(nil, m) }

// MarshalStable implements connect's stable codec, which GET requests need.
func (strictJSON) MarshalStable(m any) ([]byte, error) { return strictJSON{}.MarshalAppend(nil, m) }

// MarshalAppend saves a copy.
func (strictJSON) MarshalAppend(dst []byte, m any) ([]byte, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", m)
	}
	return protojson.MarshalOptions{}.MarshalAppend(dst, message)
}

// Unmarshal implements connect.Codec.
func (strictJSON) Unmarshal(text []byte, m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", m)
	}
	if len(text) == 0 {
		return unreadable(message, "an empty body is no JSON object")
	}
	if err := (protojson.UnmarshalOptions{}).Unmarshal(text, message); err != nil {
		return unreadable(message, quoted.ReplaceAllString(err.Error(), "$1"))
	}
	return nil
}

// quoted is where an error of protojson quotes a value, which may be personal: what it says before stays.
var quoted = regexp.MustCompile(`(?s)(invalid value for \S+ (?:field [^:]*|key)|unexpected token|unexpected character|duplicate map key|` +
	`invalid value|invalid \S+ value|\S+ value out of range|invalid google\.protobuf\.Value|invalid character|invalid escape code|unable to resolve)[: ]+.*`)
