package rpc

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"
)

// binary is connect's codec of protocol buffers but for what it says of bytes that are none.
type binary struct{}

// Name implements connect.Codec.
func (binary) Name() string { return "proto" }

// IsBinary says that a GET has to encode what this codec writes.
func (binary) IsBinary() bool { return true }

// Marshal implements connect.Codec.
func (binary) Marshal(m any) ([]byte, error) { return binary{}.MarshalAppend(nil, m) }

// MarshalStable implements connect's stable codec, which GET requests need.
func (binary) MarshalStable(m any) ([]byte, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", m)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(message)
}

// MarshalAppend saves a copy.
func (binary) MarshalAppend(dst []byte, m any) ([]byte, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", m)
	}
	return proto.MarshalOptions{}.MarshalAppend(dst, message)
}

// Unmarshal implements connect.Codec.
func (binary) Unmarshal(data []byte, m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", m)
	}
	if err := proto.Unmarshal(data, message); err != nil { // its text names fields, never values
		return unreadable(message, err.Error())
	}
	return nil
}

// unreadable says by its public name what the text was taken for, and what protobuf says is wrong with it.
func unreadable(message proto.Message, wrong string) error {
	wrong = strings.TrimLeftFunc(strings.TrimPrefix(wrong, "proto:"), unicode.IsSpace)
	return fmt.Errorf("not a %s: %s", message.ProtoReflect().Descriptor().FullName(), wrong)
}
