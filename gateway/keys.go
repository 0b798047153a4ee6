package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/profferhq/proffer/gateway/segment"
)

// secretText reads a key kept as text in a file of mode 0600, and makes it at the first start.
func secretText(file string) (string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key := rand.Text()
		return key, writeSecret(file, []byte(key+"\n"))
	}
	if err != nil {
		return "", fmt.Errorf("read a key: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if len(key) < 16 {
		return "", fmt.Errorf("the key in %s is shorter than 16 characters", file)
	}
	return key, nil
}

// secretBytes reads 32 bytes, base64 in a file of mode 0600, and makes them at the first start.
func secretBytes(file string) ([32]byte, error) {
	var key [32]byte
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		rand.Read(key[:])
		return key, writeSecret(file, []byte(base64.StdEncoding.EncodeToString(key[:])+"\n"))
	}
	if err != nil {
		return key, fmt.Errorf("read a key: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != len(key) {
		return key, fmt.Errorf("%s does not hold 32 bytes in base64", file)
	}
	return [32]byte(raw), nil
}

// ServerFile is DIR/server.json: how the other commands find a running server. Mode 0600: it holds keys.
type ServerFile struct {
	Address     string `json:"address"`
	URL         string `json:"url"`
	Key         string `json:"key"`
	OperatorKey string `json:"operator_key"`
	Pid         int    `json:"pid"`
}

const serverFile = "server.json"

// ReadServerFile reads DIR/server.json; it fails with fs.ErrNotExist where no server has run.
func ReadServerFile(dir string) (ServerFile, error) {
	var s ServerFile
	text, err := os.ReadFile(filepath.Join(dir, serverFile))
	if err != nil {
		return s, fmt.Errorf("read %s: %w", serverFile, err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read %s: %w", serverFile, err)
	}
	return s, nil
}

func (s ServerFile) write(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", serverFile, err)
	}
	return writeSecret(filepath.Join(dir, serverFile), append(text, '\n'))
}

// writeSecret replaces a file whole or not at all.
func writeSecret(file string, content []byte) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	if err := os.Rename(temporary, file); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return nil
}

// ReadKey reads a key from a file that somebody else made.
func ReadKey(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read a key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// VaultSecret is the vault's key, made at the first start.
func (c Config) VaultSecret() ([32]byte, error) {
	return secretBytes(c.inData(c.VaultKey, "vault.key"))
}

func (n *Node) readKeys(context.Context) error {
	if err := os.MkdirAll(n.config.Data, 0o711); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	var err error
	if n.keys.Source, err = secretText(n.config.inData(n.config.SourceKey, "source.key")); err != nil {
		return err
	}
	if n.keys.Operator, err = secretText(n.config.inData(n.config.OperatorKey, "operator.key")); err != nil {
		return err
	}
	n.segmentKeys, err = segment.NewKeys(map[string]string{defaultSource: n.keys.Source})
	return err
}
