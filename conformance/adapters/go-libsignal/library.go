// What is asked of the library. Nothing here checks anything: what the library accepts, is accepted.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"runtime/debug"
	"strings"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/groups/state/record"
	"go.mau.fi/libsignal/kdf"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/signalerror"
	"go.mau.fi/libsignal/util/bytehelper"
	"google.golang.org/protobuf/proto"
)

var capabilities = []string{"key-agreement", "xeddsa-sign", "xeddsa-deterministic", "xeddsa-verify",
	"sender-keys-send", "sender-keys-deterministic", "sender-keys-renewal", "sender-keys-receive", "persistence"}

// methods are the functions that answer, and the params that each cannot do without.
var methods = map[string]struct {
	answer   func(params) members
	required []string
}{
	"hello":                  {hello, nil},
	"reset":                  {reset, nil},
	"save":                   {save, []string{"handle"}},
	"restore":                {restore, []string{"handle", "state"}},
	"identity.agree":         {agree, []string{"private_key", "public_key"}},
	"identity.sign":          {sign, []string{"private_key", "message"}},
	"identity.verify":        {verify, []string{"public_key", "message", "signature"}},
	"sender_keys.create":     {create, []string{"key"}},
	"sender_keys.distribute": {distribute, []string{"key"}},
	"sender_keys.encrypt":    {encrypt, []string{"key", "plaintext"}},
	"sender_keys.renew":      {renew, []string{"key"}},
	"sender_keys.process":    {process, []string{"record", "distribution", "now_ms"}},
	"sender_keys.decrypt":    {decrypt, []string{"record", "message", "now_ms"}},
}

var errNotVerified = errors.New("the signature does not verify")

// errorNames are the names in chapter 01 of the library's errors.
var errorNames = map[error]string{
	errNotVerified:                                  "InvalidSignature",
	ecc.ErrBadKeyType:                               "InvalidKey",
	proto.Error:                                     "InvalidMessage",
	signalerror.ErrIncompleteMessage:                "InvalidMessage",
	signalerror.ErrOldMessageVersion:                "UnsupportedVersion",
	signalerror.ErrUnknownMessageVersion:            "UnsupportedVersion",
	signalerror.ErrNoSenderKeyForUser:               "UnknownSenderKey",
	signalerror.ErrNoSenderKeyStateForID:            "UnknownSenderKey",
	signalerror.ErrSenderKeyStateVerificationFailed: "InvalidSignature",
	signalerror.ErrOldCounter:                       "DuplicateMessage",
	signalerror.ErrTooFarIntoFuture:                 "TooFarAhead",
}

// errorTexts are the beginnings of the errors that the library does not export.
var errorTexts = map[string]string{
	"Input too small":       "InvalidMessage",
	"ciphertext is shorter": "DecryptionFailed",
	"padding is greater":    "DecryptionFailed",
}

func nameOf(err error) string {
	for known, name := range errorNames {
		if errors.Is(err, known) {
			return name
		}
	}
	for text, name := range errorTexts {
		if strings.HasPrefix(err.Error(), text) {
			return name
		}
	}
	return "ProtocolViolation"
}

// store holds one record in its serialised form, as a database does: what is not stored has not changed.
type store struct{ serialised []byte }

var (
	handles    = map[string]*store{}
	background = context.Background()
	serializer = serialize.NewProtoBufSerializer()
	senderName = protocol.NewSenderKeyName("group", protocol.NewSignalAddress("sender", 1))
)

func (s *store) LoadSenderKey(context.Context, *protocol.SenderKeyName) (*record.SenderKey, error) {
	if s.serialised == nil {
		return record.NewSenderKey(serializer.SenderKeyRecord, serializer.SenderKeyState), nil
	}
	return record.NewSenderKeyFromBytes(s.serialised, serializer.SenderKeyRecord, serializer.SenderKeyState)
}

func (s *store) StoreSenderKey(_ context.Context, _ *protocol.SenderKeyName, key *record.SenderKey) error {
	s.serialised = key.Serialize()
	return nil
}

func (s *store) builder() *groups.SessionBuilder { return groups.NewGroupSessionBuilder(s, serializer) }

func (s *store) cipher() *groups.GroupCipher {
	return groups.NewGroupCipher(s.builder(), senderName, s)
}

func (p params) known(member string) *store {
	found := handles[p.text(member)]
	if found == nil {
		panic(badParams("unknown handle " + p.text(member)))
	}
	return found
}

// record returns a receiver's record; if there is none, an empty one that is not yet kept.
func (p params) record() *store {
	if found := handles[p.text("record")]; found != nil {
		return found
	}
	return &store{}
}

// withRandom lets the library draw the bytes of the member `random`, if it is there, in place of random ones.
func (p params) withRandom(draw func()) {
	if p["random"] != nil {
		defer func(saved io.Reader) { rand.Reader = saved }(rand.Reader)
		rand.Reader = bytes.NewReader(p.bytes("random"))
	}
	draw()
}

func hello(params) members {
	version := "unknown"
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "go.mau.fi/libsignal" {
			version = module.Version
		}
	}
	return members{"name": "go.mau.fi/libsignal", "version": version, "language": "Go", "spec": "0.1",
		"capabilities": capabilities}
}

func reset(params) members {
	clear(handles)
	return members{}
}

func save(p params) members { return members{"state": string(p.known("handle").serialised)} }

func restore(p params) members {
	restored := &store{[]byte(p.text("state"))}
	try(restored.LoadSenderKey(background, senderName))
	handles[p.text("handle")] = restored
	return members{}
}

func agree(p params) members {
	public := try(ecc.DecodePoint(p.bytes("public_key"), 0))
	secret := kdf.CalculateSharedSecret(public.PublicKey(), bytehelper.SliceToArray(p.bytes("private_key")))
	return members{"shared_secret": hex.EncodeToString(secret[:])}
}

func sign(p params) members {
	private := ecc.NewDjbECPrivateKey(bytehelper.SliceToArray(p.bytes("private_key")))
	var signature [64]byte
	p.withRandom(func() { signature = ecc.CalculateSignature(private, p.bytes("message")) })
	return members{"signature": hex.EncodeToString(signature[:])}
}

func verify(p params) members {
	public := try(ecc.DecodePoint(p.bytes("public_key"), 0))
	// Keys and signatures are arrays in the library; it makes them of slices in this way.
	signature := bytehelper.SliceToArray64(p.bytes("signature"))
	if !ecc.VerifySignature(public, p.bytes("message"), signature) {
		check(errNotVerified)
	}
	return members{}
}

func create(p params) members {
	created := &store{}
	if p["key_id"] != nil {
		key := try(created.LoadSenderKey(background, senderName))
		signing := ecc.CreateKeyPair(p.bytes("signing_private"))
		key.SetSenderKeyState(p.number("key_id"), p.number("iteration"), p.bytes("chain_key"), signing)
		check(created.StoreSenderKey(background, senderName, key))
	}
	try(created.builder().Create(background, senderName))
	handles[p.text("key")] = created
	return members{}
}

func distribute(p params) members {
	distribution := try(p.known("key").builder().Create(background, senderName))
	return members{"distribution": hex.EncodeToString(distribution.Serialize())}
}

func encrypt(p params) members {
	cipher, plaintext := p.known("key").cipher(), p.bytes("plaintext")
	var message protocol.GroupCiphertextMessage
	p.withRandom(func() { message = try(cipher.Encrypt(background, plaintext)) })
	return members{"message": hex.EncodeToString(message.SignedSerialize())}
}

// renew forgets the record and creates a new one; the library has no other way.
func renew(p params) members {
	key := p.known("key")
	key.serialised = nil
	try(key.builder().Create(background, senderName))
	return members{}
}

func process(p params) members {
	distribution := try(protocol.NewSenderKeyDistributionMessageFromBytes(p.bytes("distribution"),
		serializer.SenderKeyDistributionMessage))
	receiver := p.record()
	check(receiver.builder().Process(background, senderName, distribution))
	handles[p.text("record")] = receiver
	return members{}
}

func decrypt(p params) members {
	message := try(protocol.NewSenderKeyMessageFromBytes(p.bytes("message"), serializer.SenderKeyMessage))
	plaintext := try(p.record().cipher().Decrypt(background, message))
	return members{"plaintext": hex.EncodeToString(plaintext)}
}
