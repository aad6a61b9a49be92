// Chapter 04: what is asked of the library's groups.
package main

import (
	"context"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/groups/state/record"
	"go.mau.fi/libsignal/protocol"
)

// senderKey is a store of one record, which a sender uses as its key.
type senderKey struct{ Record []byte }

var senderName = protocol.NewSenderKeyName("group", protocol.NewSignalAddress("sender", 1))

func (s *senderKey) LoadSenderKey(context.Context, *protocol.SenderKeyName) (*record.SenderKey, error) {
	if s.Record == nil {
		return record.NewSenderKey(serializer.SenderKeyRecord, serializer.SenderKeyState), nil
	}
	return record.NewSenderKeyFromBytes(s.Record, serializer.SenderKeyRecord, serializer.SenderKeyState)
}

func (s *senderKey) StoreSenderKey(_ context.Context, _ *protocol.SenderKeyName, key *record.SenderKey) error {
	s.Record = key.Serialize()
	return nil
}

func (s *senderKey) builder() *groups.SessionBuilder {
	return groups.NewGroupSessionBuilder(s, serializer)
}

func (s *senderKey) cipher() *groups.GroupCipher {
	return groups.NewGroupCipher(s.builder(), senderName, s)
}

func readKey(p params) *senderKey {
	return find(read[string](p, "key"), func(h held) *senderKey { return h.SenderKey })
}

// readRecord returns a receiver's record; if there is none, an empty one that is not yet kept.
func readRecord(p params) *senderKey {
	if found := handles[read[string](p, "record")].SenderKey; found != nil {
		return found
	}
	return &senderKey{}
}

func create(p params) members {
	created := &senderKey{}
	if p.has("key_id") {
		key := try(created.LoadSenderKey(background, senderName))
		signing := ecc.CreateKeyPair(readHex(p, "signing_private"))
		key.SetSenderKeyState(read[uint32](p, "key_id"), read[uint32](p, "iteration"), readHex(p, "chain_key"), signing)
		check(created.StoreSenderKey(background, senderName, key))
	}
	try(created.builder().Create(background, senderName))
	handles[read[string](p, "key")] = held{SenderKey: created}
	return nil
}

func distribute(p params) members {
	distribution := try(readKey(p).builder().Create(background, senderName))
	return members{"distribution": writeHex(distribution.Serialize())}
}

func encrypt(p params) members {
	cipher, plaintext := readKey(p).cipher(), readHex(p, "plaintext")
	var message protocol.GroupCiphertextMessage
	withRandom(p, func() { message = try(cipher.Encrypt(background, plaintext)) })
	return members{"message": writeHex(message.SignedSerialize())}
}

// renew forgets the record and creates a new one; the library has no other way.
func renew(p params) members {
	key := readKey(p)
	key.Record = nil
	try(key.builder().Create(background, senderName))
	return nil
}

func process(p params) members {
	distribution := try(protocol.NewSenderKeyDistributionMessageFromBytes(readHex(p, "distribution"),
		serializer.SenderKeyDistributionMessage))
	receiver := readRecord(p)
	check(receiver.builder().Process(background, senderName, distribution))
	handles[read[string](p, "record")] = held{SenderKey: receiver}
	return nil
}

func decrypt(p params) members {
	message := try(protocol.NewSenderKeyMessageFromBytes(readHex(p, "message"), serializer.SenderKeyMessage))
	plaintext := try(readRecord(p).cipher().Decrypt(background, message))
	return members{"plaintext": writeHex(plaintext)}
}
