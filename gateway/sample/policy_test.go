package sample

import (
	"testing"

	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/gateway/policyfile"
)

func TestTheSamplePolicyCompiles(t *testing.T) {
	t.Parallel()
	document, err := policyfile.Parse(Policy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Compile(document, feature.Core2()); err != nil {
		t.Fatal(err)
	}
}
