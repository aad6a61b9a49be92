// Answers the requests of chapter 13, one on a line. Nothing here is about one library: library.go is.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

type (
	members map[string]any
	params  map[string]json.RawMessage

	// method is a function that answers, behind the params that it cannot do without, spaces between them.
	method struct {
		required string
		answer   func(params) members
	}
)

// A function that answers panics with one of these; every other panic is the library's own.
type (
	failed        struct{ err error } // the library returned an error
	invalidParams string              // a handle stands for nothing, or a param is of another type
)

// try returns a value of the library, or ends the call with the error that came with it.
func try[Value any](value Value, err error) Value {
	check(err)
	return value
}

// check ends the call if the library returned an error.
func check(err error) {
	if err != nil {
		panic(failed{err})
	}
}

func (p params) has(name string) bool {
	return p[name] != nil && string(p[name]) != "null"
}

// read returns one of the params.
func read[Value any](p params, name string) (value Value) {
	if err := json.Unmarshal(p[name], &value); err != nil {
		panic(invalidParams(name + ": " + err.Error()))
	}
	return value
}

func readHex(p params, name string) []byte {
	decoded, err := hex.DecodeString(read[string](p, name))
	if err != nil {
		panic(invalidParams(name + ": " + err.Error()))
	}
	return decoded
}

func writeHex(bytes []byte) string { return hex.EncodeToString(bytes) }

func call(name string, p params) (answer members) {
	method, found := methods[name]
	if !found {
		return failure(-32601, "there is no method "+name, members{})
	}
	for _, member := range strings.Fields(method.required) {
		if !p.has(member) {
			return failure(-32602, "the params lack "+member, members{})
		}
	}
	defer func() {
		if caught := recover(); caught != nil {
			answer = describe(caught)
		}
	}()
	result := method.answer(p)
	if result == nil {
		result = members{}
	}
	return members{"result": result}
}

// describe answers what a method panicked with: a refusal if the library means it as one.
func describe(caught any) members {
	switch caught := caught.(type) {
	case invalidParams:
		return failure(-32602, string(caught), members{})
	case failed:
		if refusal := nameRefusal(caught.err); refusal != "" {
			return failure(-32000, caught.err.Error(), members{"error": refusal})
		}
		return failure(-32603, caught.err.Error(), members{})
	default:
		fmt.Fprintf(os.Stderr, "%v\n%s", caught, debug.Stack())
		return failure(-32603, fmt.Sprintf("%T: %v", caught, caught), members{})
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
