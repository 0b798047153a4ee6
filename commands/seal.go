package commands

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain/event"
)

// Key is a data key: AES-256.
type Key = [32]byte

// Nonce makes one sealing unique under its key. It must be random: a key seals many texts.
type Nonce [12]byte

// ErrSealBroken is returned for a sealed text that its key and owner do not open.
var ErrSealBroken = errors.New("commands: the seal does not open")

// Seal encrypts plain under the key (AES-256-GCM). The owner (an alias, or the id of a quarantined event) is
// authenticated with it, so that a sealed text cannot be moved to somebody else.
func Seal(key Key, nonce Nonce, owner, plain []byte) (*event.Sealed, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, len(nonce), len(nonce)+len(plain)+gcm.Overhead())
	copy(buf, nonce[:])
	sealed := gcm.Seal(buf, nonce[:], plain, owner)
	return &event.Sealed{Nonce: sealed[:len(nonce):len(nonce)], Ciphertext: sealed[len(nonce):]}, nil
}

// Unseal decrypts what Seal encrypted for the same owner; it fails with ErrSealBroken.
func Unseal(key Key, owner []byte, sealed *event.Sealed) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(sealed.GetNonce()) != gcm.NonceSize() {
		return nil, fmt.Errorf("%w: nonce of %d bytes", ErrSealBroken, len(sealed.GetNonce()))
	}
	plain, err := gcm.Open(nil, sealed.GetNonce(), sealed.GetCiphertext(), owner)
	if err != nil {
		return nil, ErrSealBroken
	}
	return plain, nil
}

func newGCM(key Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return gcm, nil
}
