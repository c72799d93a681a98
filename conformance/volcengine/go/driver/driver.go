// Package driver asks every case of the plan through one SDK and prints one JSON line for each.
package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
)

// Step is one request, as the plan writes it.
type Step struct {
	Action       string          `json:"action"`
	Case         string          `json:"case"`
	Version      string          `json:"version"`
	Method       string          `json:"method"`
	AccessKey    string          `json:"access_key"`
	SecretKey    string          `json:"secret_key"`
	SessionToken string          `json:"session_token"`
	Via          string          `json:"via"`
	Append       string          `json:"append"`
	Request      json.RawMessage `json:"request"`
}

// Answer is what the SDK decoded of a success.
type Answer struct {
	Metadata any
	Result   any
}

// Refused is what the SDK lets its caller see of a refusal.
type Refused struct {
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code"`
	CodeN   int    `json:"code_n,omitempty"`
	Message string `json:"message"`
}

func (r *Refused) Error() string { return fmt.Sprintf("refused with %s", r.Code) }

// Envelope is the head of every body, for clients that hand their caller the body.
type Envelope struct {
	ResponseMetadata struct {
		RequestId, Action, Version, Service, Region string
		Error                                       *struct {
			Code, Message string
			CodeN         int
		} `json:",omitempty"`
	}
	Result json.RawMessage
}

// RefusedBody reads a refusal out of a body.
func RefusedBody(status int, body []byte) error {
	var envelope Envelope
	if err := json.Unmarshal(body, &envelope); err != nil {
		return fmt.Errorf("status %d, body %q: %w", status, body, err)
	}
	told := envelope.ResponseMetadata.Error
	if told == nil {
		return fmt.Errorf("status %d without an Error: %s", status, body)
	}
	return &Refused{status, told.Code, told.CodeN, told.Message}
}

// Run asks every step of the plan that the command line names.
func Run(client string, ask func(host string, step Step) (*Answer, error)) {
	if len(os.Args) != 2 {
		log.Fatal("the one argument is the plan")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var plan struct {
		Host  string
		Steps []Step
	}
	if err := json.Unmarshal(text, &plan); err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, step := range plan.Steps {
		line := map[string]any{"client": client, "action": step.Action, "case": step.Case}
		answer, err := ask(plan.Host, step)
		var refused *Refused
		switch {
		case errors.As(err, &refused):
			line["refusal"] = refused
		case err != nil:
			line["broken"] = err.Error()
		default:
			line["metadata"], line["answer"] = answer.Metadata, answer.Result
		}
		if err := out.Encode(line); err != nil {
			log.Fatal(err)
		}
	}
}
