module cloister/adapters/go-libsignal

go 1.24.0

require (
	go.mau.fi/libsignal v0.2.1
	google.golang.org/protobuf v1.36.10
)

require (
	filippo.io/edwards25519 v1.1.0 // indirect
	golang.org/x/crypto v0.42.0 // indirect
)
