// The vendor's Go SDK `volcengine-go-sdk`: its universal client, which names actions itself.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/volcengine/volcengine-go-sdk/volcengine"
	"github.com/volcengine/volcengine-go-sdk/volcengine/credentials"
	"github.com/volcengine/volcengine-go-sdk/volcengine/custom"
	"github.com/volcengine/volcengine-go-sdk/volcengine/session"
	"github.com/volcengine/volcengine-go-sdk/volcengine/universal"
	"github.com/volcengine/volcengine-go-sdk/volcengine/volcengineerr"

	"whowas.invalid/conformance/volcengine/driver"
)

func main() { driver.Run("volcengine-go-sdk (Go)", ask) }

func ask(host string, step driver.Step) (*driver.Answer, error) {
	config := volcengine.NewConfig().
		WithEndpoint(host).
		WithDisableSSL(true).
		WithRegion("cn-north-1").
		WithCredentials(credentials.NewStaticCredentials(step.AccessKey, step.SecretKey, step.SessionToken)).
		// Without it the SDK decodes into float64, and ids beyond 2^53 change.
		WithForceJsonNumberDecode(func(context.Context, custom.RequestInfo) bool { return true })
	opened, err := session.NewSession(config)
	if err != nil {
		return nil, err
	}
	info := universal.RequestUniversal{
		ServiceName: "rtc",
		Action:      step.Action,
		Version:     step.Version,
		HttpMethod:  universal.GET,
	}
	if step.Method == "POST" {
		info.HttpMethod, info.ContentType = universal.POST, universal.ApplicationJSON
	}
	var input map[string]any
	decoder := json.NewDecoder(bytes.NewReader(step.Request))
	decoder.UseNumber()
	if err := decoder.Decode(&input); err != nil {
		return nil, err
	}
	output, err := universal.New(opened).DoCall(info, &input)
	var failure volcengineerr.RequestFailure
	if errors.As(err, &failure) {
		return nil, &driver.Refused{
			Status: failure.StatusCode(), Code: failure.Code(), Message: failure.Message(),
		}
	}
	if err != nil {
		return nil, err
	}
	return &driver.Answer{Metadata: (*output)["ResponseMetadata"], Result: (*output)["Result"]}, nil
}
