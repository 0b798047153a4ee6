package commandstest_test

import (
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
)

func TestMemoryVault(t *testing.T) {
	t.Parallel()
	commandstest.RunVaultSuite(t, func(*testing.T) commands.Vault { return commandstest.NewMemoryVault() })
}
