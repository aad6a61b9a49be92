// What main.go asks of go.mau.fi/libsignal. Nothing here checks anything: what the library accepts, is accepted.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"runtime/debug"
	"strings"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/kdf"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/signalerror"
	"go.mau.fi/libsignal/util/bytehelper"
	"google.golang.org/protobuf/proto"
)

var capabilities = []string{"key-agreement", "xeddsa-sign", "xeddsa-deterministic", "xeddsa-verify",
	"sessions", "one-time-prekeys", "prekey-import",
	"sender-keys-send", "sender-keys-deterministic", "sender-keys-renewal", "sender-keys-receive", "persistence"}

// Each method with the params that it cannot do without.
var methods = map[string]method{
	"hello":                    {"", hello},
	"reset":                    {"", reset},
	"save":                     {"handle", save},
	"restore":                  {"handle state", restore},
	"identity.agree":           {"private_key public_key", agree},
	"identity.sign":            {"private_key message", sign},
	"identity.verify":          {"public_key message signature", verify},
	"x3dh.create_account":      {"account private_key now_ms", createAccount},
	"x3dh.create_plain_bundle": {"account now_ms", createPlainBundle},
	"x3dh.create_bundle":       {"account now_ms", createBundle},
	"x3dh.import_prekeys":      {"account signed_prekey_id signed_prekey_private now_ms", importPrekeys},
	"session.create":           {"session account identity_key", createSession},
	"session.open":             {"session identity_key signed_prekey_id signed_prekey signature now_ms", openSession},
	"session.encrypt":          {"session plaintext", encryptInSession},
	"session.decrypt":          {"session kind message now_ms", decryptInSession},
	"sender_keys.create":       {"key", create},
	"sender_keys.distribute":   {"key", distribute},
	"sender_keys.encrypt":      {"key plaintext", encrypt},
	"sender_keys.renew":        {"key", renew},
	"sender_keys.process":      {"record distribution now_ms", process},
	"sender_keys.decrypt":      {"record message now_ms", decrypt},
}

var (
	errNotVerified = errors.New("the signature does not verify")
	errUnreadable  = errors.New("the state cannot be read")
)

// refusals are the names in chapter 01 of the library's errors.
var refusals = map[error]string{
	errNotVerified:                                  "InvalidSignature",
	errUnreadable:                                   "UnreadableState",
	ecc.ErrBadKeyType:                               "InvalidKey",
	proto.Error:                                     "InvalidMessage",
	signalerror.ErrIncompleteMessage:                "InvalidMessage",
	signalerror.ErrOldMessageVersion:                "UnsupportedVersion",
	signalerror.ErrUnknownMessageVersion:            "UnsupportedVersion",
	signalerror.ErrNoSenderKeyForUser:               "UnknownSenderKey",
	signalerror.ErrNoSenderKeyStateForID:            "UnknownSenderKey",
	signalerror.ErrSenderKeyStateVerificationFailed: "InvalidSignature",
	signalerror.ErrInvalidSignature:                 "InvalidSignature",
	signalerror.ErrUntrustedIdentity:                "UntrustedIdentity",
	signalerror.ErrNoSignedPreKey:                   "UnknownPrekey",
	signalerror.ErrNoOneTimeKeyFound:                "UnknownPrekey",
	signalerror.ErrNoSessionForUser:                 "UnknownSession",
	signalerror.ErrOldCounter:                       "DuplicateMessage",
	signalerror.ErrTooFarIntoFuture:                 "TooFarAhead",
}

// texts are the beginnings of the errors that the library does not export.
var texts = map[string]string{
	"Input too small":       "InvalidMessage",
	"ciphertext is shorter": "DecryptionFailed",
	"padding is greater":    "DecryptionFailed",
}

func nameRefusal(err error) string {
	for refusal, name := range refusals {
		if errors.Is(err, refusal) {
			return name
		}
	}
	for text, name := range texts {
		if strings.HasPrefix(err.Error(), text) {
			return name
		}
	}
	return "ProtocolViolation"
}

// held is what a handle stands for: one of these, in serialised form as in a database; what is not stored has not changed.
type held struct {
	SenderKey *senderKey `json:",omitempty"`
	Account   *account   `json:",omitempty"`
	Session   *session   `json:",omitempty"`
}

var (
	handles    = map[string]held{}
	background = context.Background()
	serializer = serialize.NewProtoBufSerializer()
)

// find returns what a handle stands for, or ends the call.
func find[Kind any](handle string, kind func(held) *Kind) *Kind {
	found := kind(handles[handle])
	if found == nil {
		panic(invalidParams(handle + " stands for no such thing"))
	}
	return found
}

// withRandom lets the library draw the bytes of the member `random`, if it is there, in place of random ones.
func withRandom(p params, draw func()) {
	if p.has("random") {
		defer func(saved io.Reader) { rand.Reader = saved }(rand.Reader)
		rand.Reader = bytes.NewReader(readHex(p, "random"))
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
	return nil
}

func save(p params) members {
	found := handles[read[string](p, "handle")]
	if found == (held{}) {
		panic(invalidParams("the handle stands for nothing"))
	}
	return members{"state": string(try(json.Marshal(found)))}
}

// restore lets the library read its records; the form around them is the adapter's own.
func restore(p params) members {
	var found held
	err := json.Unmarshal([]byte(read[string](p, "state")), &found)
	if err == nil && found.SenderKey != nil {
		_, err = found.SenderKey.LoadSenderKey(background, senderName)
	} else if err == nil && found.Session != nil {
		_, err = found.Session.LoadSession(background, nil)
	}
	if err != nil || found == (held{}) {
		check(errUnreadable)
	}
	handles[read[string](p, "handle")] = found
	return nil
}

func readPublicKey(p params, name string) ecc.ECPublicKeyable {
	return try(ecc.DecodePoint(readHex(p, name), 0))
}

func agree(p params) members {
	public, private := readPublicKey(p, "public_key"), bytehelper.SliceToArray(readHex(p, "private_key"))
	secret := kdf.CalculateSharedSecret(public.PublicKey(), private)
	return members{"shared_secret": writeHex(secret[:])}
}

func sign(p params) members {
	private := ecc.NewDjbECPrivateKey(bytehelper.SliceToArray(readHex(p, "private_key")))
	var signature [64]byte
	withRandom(p, func() { signature = ecc.CalculateSignature(private, readHex(p, "message")) })
	return members{"signature": writeHex(signature[:])}
}

// Keys and signatures are arrays in the library; it makes them of slices in this way.
func verify(p params) members {
	signature := bytehelper.SliceToArray64(readHex(p, "signature"))
	if !ecc.VerifySignature(readPublicKey(p, "public_key"), readHex(p, "message"), signature) {
		check(errNotVerified)
	}
	return nil
}
