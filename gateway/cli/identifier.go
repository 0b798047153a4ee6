package cli

import (
	"fmt"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// identifier reads TYPE=VALUE or TYPE:VALUE.
func identifier(text string) (*profferv1.Identifier, error) {
	at := strings.IndexAny(text, ":=")
	if at < 1 || at == len(text)-1 || !identity.ValidType(text[:at]) {
		return nil, fmt.Errorf("%w: want TYPE=VALUE or TYPE:VALUE, for example user_id=shopper-0003", gateway.ErrUsage)
	}
	return &profferv1.Identifier{Type: text[:at], Value: text[at+1:]}, nil
}

// who reads an identifier or an alias, which a profile's id is too.
func who(text string) (*profferv1.Who, error) {
	if a, err := domain.ParseAlias(text); err == nil {
		return &profferv1.Who{Who: &profferv1.Who_Alias{Alias: a.String()}}, nil
	}
	id, err := identifier(text)
	if err != nil {
		return nil, fmt.Errorf("%w, or an alias of 32 hexadecimal digits", err)
	}
	return &profferv1.Who{Who: &profferv1.Who_Identifier{Identifier: id}}, nil
}
