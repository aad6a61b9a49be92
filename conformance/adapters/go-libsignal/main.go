// The adapter of go.mau.fi/libsignal. This file speaks the adapter protocol, library.go calls the library.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

const (
	refused        = -32000
	methodNotFound = -32601
	invalidParams  = -32602
	internalError  = -32603
	parseError     = -32700
)

type members map[string]any

// params are the members of a request; null is as good as absent.
type params map[string]any

// A function that answers panics with one of these; every other panic is the library's own.
type (
	refusal   struct{ err error }
	badParams string
)

// try returns a value of the library, or ends the call with its error.
func try[Value any](value Value, err error) Value {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(refusal{err})
	}
}

// read returns a member that has the JSON type of Value.
func read[Value any](p params, member string) Value {
	value, fits := p[member].(Value)
	if !fits {
		panic(badParams(member + " is absent or of another type"))
	}
	return value
}

func (p params) text(member string) string { return read[string](p, member) }

func (p params) number(member string) uint32 { return uint32(read[float64](p, member)) }

func (p params) bytes(member string) []byte {
	decoded, err := hex.DecodeString(p.text(member))
	if err != nil {
		panic(badParams(member + ": " + err.Error()))
	}
	return decoded
}

func failure(code int, message string, data members) members {
	return members{"error": members{"code": code, "message": message, "data": data}}
}

func call(name string, p params) (answer members) {
	defer func() {
		switch caught := recover().(type) {
		case nil:
		case refusal:
			answer = failure(refused, caught.err.Error(), members{"error": nameOf(caught.err)})
		case badParams:
			answer = failure(invalidParams, string(caught), members{})
		default:
			answer = failure(internalError, fmt.Sprintf("%T: %v", caught, caught), members{})
		}
	}()
	method, found := methods[name]
	if !found {
		return failure(methodNotFound, "there is no method "+name, members{})
	}
	for _, member := range method.required {
		if p[member] == nil {
			panic(badParams("the params lack " + member))
		}
	}
	return members{"result": method.answer(p)}
}

func answer(line []byte) members {
	var request struct {
		ID     json.RawMessage
		Method *string
		Params params
	}
	var answer members
	if json.Unmarshal(line, &request) != nil || request.ID == nil || request.Method == nil {
		request.ID = nil
		answer = failure(parseError, "this line is not a request", members{})
	} else {
		answer = call(*request.Method, request.Params)
	}
	answer["jsonrpc"], answer["id"] = "2.0", request.ID
	return answer
}

func main() {
	input, output := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	os.Stdout = os.Stderr // the library logs to standard output
	for {
		line, err := input.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 || err == nil {
			output.Encode(answer(line))
		}
		if err != nil {
			return
		}
	}
}
