// The adapter of {{name}}: answers the requests of chapter 13, one on a line, by calls of the library.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"runtime/debug"
)

// The library is imported above and called by these functions; each answers the method of its name.
var methods = map[string]func(params) (members, error){
	"hello":                hello,
	"reset":                reset,
	"proof_of_work.target": target,
}

func hello(params) (members, error) {
	capabilities := []string{"proof-of-work-target"} // add one when all of its methods are in the table
	return members{"name": "{{name}}", "version": "0", "language": "Go", "spec": "0.1", "capabilities": capabilities}, nil
}

func reset(params) (members, error) {
	return members{}, nil // forget here what the handles stand for
}

// An example, chapter 06: call the library instead, or remove it.
// Bytes are hex: hex.DecodeString(read[string](p, "message")), hex.EncodeToString(plaintext).
func target(p params) (members, error) {
	length, ttl, difficulty := read[big.Int](p, "payload_length"), read[big.Int](p, "ttl_ms"), read[big.Int](p, "difficulty")
	var seconds, product, cost, divisor big.Int
	length.Add(&length, big.NewInt(8))
	seconds.Quo(&ttl, big.NewInt(1000))
	product.Mul(&seconds, &length)
	cost.Add(&length, cost.Quo(&product, big.NewInt(65535)))
	divisor.Mul(&difficulty, &cost)
	if length.Cmp(big.NewInt(8)) < 0 || ttl.Sign() < 0 || difficulty.Sign() <= 0 || !product.IsUint64() || !divisor.IsUint64() {
		return nil, refusal("OutOfRange")
	}
	return members{"target": fmt.Sprintf("%016x", math.MaxUint64/divisor.Uint64())}, nil
}

type (
	members       map[string]any
	params        map[string]json.RawMessage
	refusal       string // the library refused: an error name of chapter 01
	invalidParams string
)

func (r refusal) Error() string       { return string(r) }
func (i invalidParams) Error() string { return string(i) }

// read returns one of the params, or ends the call.
func read[Value any](p params, name string) (value Value) {
	if raw := string(p[name]); raw == "" || raw == "null" {
		panic(invalidParams(name + " is missing"))
	}
	if err := json.Unmarshal(p[name], &value); err != nil {
		panic(invalidParams(name + ": " + err.Error()))
	}
	return value
}

func call(name string, p params) (answer members) {
	defer func() {
		if caught := recover(); caught != nil {
			answer = describe(caught)
		}
	}()
	method, found := methods[name]
	if !found {
		return failure(-32601, "there is no method "+name, members{})
	}
	result, err := method(p)
	if err != nil {
		return describe(err)
	}
	return members{"result": result}
}

// describe turns the error of a method, or what it panicked with, into an answer.
func describe(problem any) members {
	switch problem := problem.(type) {
	case refusal:
		return failure(-32000, "the library refused", members{"error": problem})
	case invalidParams:
		return failure(-32602, string(problem), members{})
	default:
		return failure(-32603, fmt.Sprintf("%T: %v\n%s", problem, problem, debug.Stack()), members{})
	}
}

func failure(code int, message string, data members) members {
	return members{"error": members{"code": code, "message": message, "data": data}}
}

func answer(line []byte) members {
	var request struct {
		ID     json.RawMessage
		Method *string
		Params json.RawMessage
	}
	var answer members
	if json.Unmarshal(line, &request) == nil && request.ID != nil && request.Method != nil {
		var p params
		json.Unmarshal(request.Params, &p) // params that are not an object lack every member
		answer = call(*request.Method, p)
	} else {
		answer = failure(-32700, "this line is not a request", members{})
		request.ID = nil
	}
	answer["jsonrpc"], answer["id"] = "2.0", request.ID
	return answer
}

func main() {
	lines, answers := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	lines.Buffer(nil, 64<<20)
	os.Stdout = os.Stderr // what the library prints is not an answer
	for lines.Scan() {
		answers.Encode(answer(lines.Bytes()))
	}
	if lines.Err() != nil {
		panic(lines.Err())
	}
}
