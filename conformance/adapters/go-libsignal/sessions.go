// Chapter 03: what is asked of the library's sessions. A session handle is one address, with the stores of its account.
package main

import (
	"bytes"
	"context"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	libsignal "go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/libsignal/state/store"
	"go.mau.fi/libsignal/util/bytehelper"
	"go.mau.fi/libsignal/util/keyhelper"
	"go.mau.fi/libsignal/util/optional"
)

const (
	registrationID = 1
	deviceID       = 1
)

// account holds the private halves of prekeys and not the library's records: these come back from their serialised form
// with another public key, made of the type byte and 31 of the 32 bytes.
type account struct {
	Private        []byte
	Prekeys        map[uint32][]byte
	SignedPrekeys  map[uint32]signedPrekey
	Newest, LastID uint32
}

type signedPrekey struct{ Private, Signature []byte }

type session struct {
	Account string
	Theirs  []byte
	Record  []byte
}

// stores are what the library asks its user for: what account and session answer, and the rest, which it never calls.
type stores struct {
	*account
	*session
	neverCalled
}

type neverCalled struct{ store.SignalProtocol }

func (a *account) GetIdentityKeyPair() *identity.KeyPair {
	pair := ecc.CreateKeyPair(a.Private)
	return identity.NewKeyPair(identity.NewKey(pair.PublicKey()), pair.PrivateKey())
}

func (a *account) GetLocalRegistrationID() uint32 { return registrationID }

func (a *account) LoadPreKey(_ context.Context, id uint32) (*record.PreKey, error) {
	if a.Prekeys[id] == nil {
		return nil, nil
	}
	return record.NewPreKey(id, ecc.CreateKeyPair(a.Prekeys[id]), serializer.PreKeyRecord), nil
}

func (a *account) RemovePreKey(_ context.Context, id uint32) error {
	delete(a.Prekeys, id)
	return nil
}

func (a *account) LoadSignedPreKey(_ context.Context, id uint32) (*record.SignedPreKey, error) {
	held, found := a.SignedPrekeys[id]
	if !found {
		return nil, nil
	}
	pair, signature := ecc.CreateKeyPair(held.Private), bytehelper.SliceToArray64(held.Signature)
	return record.NewSignedPreKey(id, 0, pair, signature, serializer.SignedPreKeyRecord), nil
}

func (s *session) IsTrustedIdentity(_ context.Context, _ *protocol.SignalAddress, key *identity.Key) (bool, error) {
	return bytes.Equal(key.Serialize(), s.Theirs), nil
}

func (s *session) SaveIdentity(context.Context, *protocol.SignalAddress, *identity.Key) error {
	return nil
}

func (s *session) ContainsSession(context.Context, *protocol.SignalAddress) (bool, error) {
	return s.Record != nil, nil
}

func (s *session) LoadSession(context.Context, *protocol.SignalAddress) (*record.Session, error) {
	if s.Record == nil {
		return record.NewSession(serializer.Session, serializer.State), nil
	}
	return record.NewSessionFromBytes(s.Record, serializer.Session, serializer.State)
}

func (s *session) StoreSession(_ context.Context, _ *protocol.SignalAddress, session *record.Session) error {
	s.Record = session.Serialize()
	return nil
}

func findAccount(handle string) *account {
	return find(handle, func(h held) *account { return h.Account })
}

// newBuilder returns a builder of the session of a handle, and the session's address.
func newBuilder(p params) (*libsignal.Builder, *protocol.SignalAddress) {
	handle := read[string](p, "session")
	session := find(handle, func(h held) *session { return h.Session })
	address := protocol.NewSignalAddress(handle, deviceID)
	all := stores{account: findAccount(session.Account), session: session}
	return libsignal.NewBuilderFromSignal(all, address, serializer), address
}

func newCipher(p params) *libsignal.Cipher { return libsignal.NewCipher(newBuilder(p)) }

func (a *account) nextID() uint32 {
	for taken := true; taken; taken = taken || a.Prekeys[a.LastID] != nil {
		a.LastID++
		_, taken = a.SignedPrekeys[a.LastID]
	}
	return a.LastID
}

func (a *account) addSignedPrekey(id uint32, private, signature []byte) {
	a.SignedPrekeys[id] = signedPrekey{private, signature}
	a.Newest = id
}

func createAccount(p params) members {
	created := &account{Private: readHex(p, "private_key"), Prekeys: map[uint32][]byte{},
		SignedPrekeys: map[uint32]signedPrekey{}}
	id := created.nextID()
	key := try(keyhelper.GenerateSignedPreKey(created.GetIdentityKeyPair(), id, serializer.SignedPreKeyRecord))
	private, signature := key.KeyPair().PrivateKey().Serialize(), key.Signature()
	created.addSignedPrekey(id, private[:], signature[:])
	handles[read[string](p, "account")] = held{Account: created}
	return nil
}

func createPlainBundle(p params) members {
	account := findAccount(read[string](p, "account"))
	signed := try(account.LoadSignedPreKey(background, account.Newest))
	signature := signed.Signature()
	return members{
		"identity_key":     writeHex(account.GetIdentityKeyPair().PublicKey().Serialize()),
		"signed_prekey_id": signed.ID(),
		"signed_prekey":    writeHex(signed.KeyPair().PublicKey().Serialize()),
		"signature":        writeHex(signature[:]),
	}
}

func createBundle(p params) members {
	account, bundle := findAccount(read[string](p, "account")), createPlainBundle(p)
	id, pair := account.nextID(), try(ecc.GenerateKeyPair())
	private := pair.PrivateKey().Serialize()
	account.Prekeys[id] = private[:]
	bundle["one_time_prekey_id"], bundle["one_time_prekey"] = id, writeHex(pair.PublicKey().Serialize())
	return bundle
}

func importPrekeys(p params) members {
	account, private := findAccount(read[string](p, "account")), readHex(p, "signed_prekey_private")
	public := ecc.CreateKeyPair(private).PublicKey().Serialize()
	signature := ecc.CalculateSignature(account.GetIdentityKeyPair().PrivateKey(), public)
	account.addSignedPrekey(read[uint32](p, "signed_prekey_id"), private, signature[:])
	if p.has("one_time_prekey_id") {
		account.Prekeys[read[uint32](p, "one_time_prekey_id")] = readHex(p, "one_time_prekey_private")
	}
	return nil
}

func createSession(p params) members {
	account, theirs := read[string](p, "account"), readPublicKey(p, "identity_key").Serialize()
	findAccount(account)
	handles[read[string](p, "session")] = held{Session: &session{Account: account, Theirs: theirs}}
	return nil
}

func openSession(p params) members {
	builder, _ := newBuilder(p)
	prekeyID, oneTime := optional.NewEmptyUint32(), ecc.ECPublicKeyable(nil)
	if p.has("one_time_prekey_id") {
		prekeyID, oneTime = optional.NewOptionalUint32(read[uint32](p, "one_time_prekey_id")), readPublicKey(p, "one_time_prekey")
	}
	bundle := prekey.NewBundle(registrationID, deviceID, prekeyID, read[uint32](p, "signed_prekey_id"), oneTime,
		readPublicKey(p, "signed_prekey"), bytehelper.SliceToArray64(readHex(p, "signature")),
		identity.NewKey(readPublicKey(p, "identity_key")))
	check(builder.ProcessBundle(background, bundle))
	return nil
}

func encryptInSession(p params) members {
	message, kind := try(newCipher(p).Encrypt(background, readHex(p, "plaintext"))), "message"
	if message.Type() == protocol.PREKEY_TYPE {
		kind = "prekey message"
	}
	return members{"kind": kind, "message": writeHex(message.Serialize())}
}

func decryptInSession(p params) members {
	cipher, frame := newCipher(p), readHex(p, "message")
	var plaintext []byte
	if read[string](p, "kind") == "prekey message" {
		message := try(protocol.NewPreKeySignalMessageFromBytes(frame, serializer.PreKeySignalMessage, serializer.SignalMessage))
		plaintext = try(cipher.DecryptMessage(background, message))
	} else {
		message := try(protocol.NewSignalMessageFromBytes(frame, serializer.SignalMessage))
		plaintext = try(cipher.Decrypt(background, message))
	}
	return members{"plaintext": writeHex(plaintext)}
}
