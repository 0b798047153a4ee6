package commands

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain/event"
)

// Key is a data key: AES-256.
type Key = [32]byte

// nonce makes one sealing unique under its key. It must be random: a key seals many texts.
type nonce [12]byte

// ErrSealBroken is returned for a sealed text that its key and owner do not open.
var ErrSealBroken = errors.New("commands: the seal does not open")

// sealer seals under one key. Making it costs as much as sealing an event does.
type sealer struct{ gcm cipher.AEAD }

func newSealer(key *Key) (sealer, error) {
	gcm, err := newGCM(key)
	return sealer{gcm}, err
}

// seal encrypts plain (AES-256-GCM) in the memory of a room, which grows if it must. The owner (an alias, or the id of a
// quarantined event) is authenticated with it, so that a sealed text cannot be moved to somebody else.
func (s sealer) seal(room *sealRoom, n nonce, owner, plain []byte) *event.Sealed {
	start, end := len(room.text), len(room.text)+len(n)
	text := append(slices.Grow(room.text, len(plain)+sealOverhead), n[:]...)
	text = s.gcm.Seal(text, text[start:end], plain, owner)
	room.text = text
	room.sealed = append(room.sealed, event.Sealed{Nonce: text[start:end:end], Ciphertext: text[end:len(text):len(text)]})
	return &room.sealed[len(room.sealed)-1]
}

// Unseal decrypts what was sealed under the key for the same owner; it fails with ErrSealBroken.
func Unseal(key Key, owner []byte, sealed *event.Sealed) ([]byte, error) {
	gcm, err := newGCM(&key)
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

func newGCM(key *Key) (cipher.AEAD, error) {
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
