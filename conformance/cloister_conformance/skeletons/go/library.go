// What main.go asks of {{name}}: a function for each method, and the names of its refusals.
package main

// Import the library here.
import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

// Each method with the params that it cannot do without. Nothing returned is {}.
var methods = map[string]method{
	"hello":                {"", hello},
	"reset":                {"", reset},
	"proof_of_work.target": {"payload_length ttl_ms difficulty", target},
}

var errTooLarge = errors.New("the target has no place in 64 bits")

// What the library returns to refuse its input, and the error name of chapter 01. Whatever is not here is no refusal.
var refusals = map[error]string{errTooLarge: "OutOfRange"}

func nameRefusal(err error) string {
	for refusal, name := range refusals {
		if errors.Is(err, refusal) {
			return name
		}
	}
	return ""
}

func hello(params) members {
	capabilities := []string{"proof-of-work-target"} // add one when all of its methods are in the table
	return members{"name": "{{name}}", "version": "0", "language": "Go", "spec": "0.1", "capabilities": capabilities}
}

func reset(params) members {
	return nil // forget here what the handles stand for
}

// An example, chapter 06: call the library instead, or remove it. What the library returns with an error goes through
// try, an error alone through check. Bytes are hex: readHex(p, "message"), writeHex(plaintext).
func target(p params) members {
	length, ttl, difficulty := read[big.Int](p, "payload_length"), read[big.Int](p, "ttl_ms"), read[big.Int](p, "difficulty")
	return members{"target": fmt.Sprintf("%016x", try(divide(&length, &ttl, &difficulty)))}
}

func divide(length, ttl, difficulty *big.Int) (uint64, error) {
	var seconds, product, cost, divisor big.Int
	length.Add(length, big.NewInt(8))
	seconds.Quo(ttl, big.NewInt(1000))
	product.Mul(&seconds, length)
	cost.Add(length, cost.Quo(&product, big.NewInt(65535)))
	divisor.Mul(difficulty, &cost)
	if length.Cmp(big.NewInt(8)) < 0 || ttl.Sign() < 0 || difficulty.Sign() <= 0 || !product.IsUint64() || !divisor.IsUint64() {
		return 0, errTooLarge
	}
	return math.MaxUint64 / divisor.Uint64(), nil
}
