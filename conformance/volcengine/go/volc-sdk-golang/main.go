// The vendor's Go SDK `volc-sdk-golang`: typed service/im for the directory, and typed
// service/rtc/v20231101 for what concerns rooms. Every answer printed went through its structs.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/volcengine/volc-sdk-golang/base"
	"github.com/volcengine/volc-sdk-golang/service/im"
	rtc "github.com/volcengine/volc-sdk-golang/service/rtc/v20231101"

	"whowas.invalid/conformance/volcengine/driver"
)

func main() { driver.Run("volc-sdk-golang (Go)", ask) }

func ask(host string, step driver.Step) (*driver.Answer, error) {
	switch {
	case step.Via == "presigned":
		return presigned(host, step)
	case step.Action == "ListUserInfo":
		return listUserInfo(host, step)
	case step.Action == "ListRoomInfo":
		return listRoomInfo(host, step)
	case step.Action == "GetRoomOnlineUsers":
		return getRoomOnlineUsers(host, step)
	}
	client := im.NewInstance()
	point(client.Client, host, step)
	ctx := context.Background()
	switch step.Action {
	case "RegisterUsers":
		body, err := parse[im.RegisterUsersBody](step)
		if err != nil {
			return nil, err
		}
		answer, err := client.RegisterUsers(ctx, body)
		if err != nil {
			return nil, refused(err)
		}
		return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
	case "UnRegisterUsers":
		body, err := parse[im.UnRegisterUsersBody](step)
		if err != nil {
			return nil, err
		}
		answer, err := client.UnRegisterUsers(ctx, body)
		if err != nil {
			return nil, refused(err)
		}
		return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
	case "BatchUpdateUserTags":
		body, err := parse[im.BatchUpdateUserTagsBody](step)
		if err != nil {
			return nil, err
		}
		answer, err := client.BatchUpdateUserTags(ctx, body)
		if err != nil {
			return nil, refused(err)
		}
		return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
	case "BatchUpdateUser":
		body, err := parse[im.BatchUpdateUserBody](step)
		if err != nil {
			return nil, err
		}
		answer, err := client.BatchUpdateUser(ctx, body)
		if err != nil {
			return nil, refused(err)
		}
		return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
	case "BatchGetUser":
		body, err := parse[im.BatchGetUserBody](step)
		if err != nil {
			return nil, err
		}
		answer, err := client.BatchGetUser(ctx, body)
		if err != nil {
			return nil, refused(err)
		}
		return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
	case "UserBroadcast":
		body, err := parse[im.UserBroadcastBody](step)
		if err != nil {
			return nil, err
		}
		answer, err := client.UserBroadcast(ctx, body)
		if err != nil {
			return nil, refused(err)
		}
		return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
	case "QueryOnlineStatus":
		body, err := parse[im.QueryOnlineStatusBody](step)
		if err != nil {
			return nil, err
		}
		answer, err := client.QueryOnlineStatus(ctx, body)
		if err != nil {
			return nil, refused(err)
		}
		return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
	}
	return nil, fmt.Errorf("no action %s", step.Action)
}

func listRoomInfo(host string, step driver.Step) (*driver.Answer, error) {
	client := rtc.NewInstance()
	point(client.Client, host, step)
	query, err := parse[rtc.ListRoomInfoQuery](step)
	if err != nil {
		return nil, err
	}
	answer, status, err := client.ListRoomInfo(context.Background(), query)
	if answer == nil || answer.ResponseMetadata == nil {
		return nil, fmt.Errorf("status %d: %w", status, err)
	}
	if told := answer.ResponseMetadata.Error; told != nil {
		return nil, refusedBy(status, told.Code, told.Message, told.CodeN)
	}
	if err != nil {
		return nil, err
	}
	return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
}

func getRoomOnlineUsers(host string, step driver.Step) (*driver.Answer, error) {
	client := rtc.NewInstance()
	point(client.Client, host, step)
	query, err := parse[rtc.GetRoomOnlineUsersQuery](step)
	if err != nil {
		return nil, err
	}
	answer, status, err := client.GetRoomOnlineUsers(context.Background(), query)
	if answer == nil {
		return nil, fmt.Errorf("status %d: %w", status, err)
	}
	if told := answer.ResponseMetadata.Error; told != nil {
		return nil, refusedBy(status, told.Code, told.Message, told.CodeN)
	}
	if err != nil {
		return nil, err
	}
	return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
}

func refusedBy(status int, code, message string, codeN *int32) error {
	refused := &driver.Refused{Status: status, Code: code, Message: message}
	if codeN != nil {
		refused.CodeN = int(*codeN)
	}
	return refused
}

func listUserInfo(host string, step driver.Step) (*driver.Answer, error) {
	client := rtc.NewInstance()
	point(client.Client, host, step)
	query, err := parse[rtc.ListUserInfoQuery](step)
	if err != nil {
		return nil, err
	}
	answer, status, err := client.ListUserInfo(context.Background(), query)
	if answer == nil || answer.ResponseMetadata == nil {
		return nil, fmt.Errorf("status %d: %w", status, err)
	}
	if told := answer.ResponseMetadata.Error; told != nil {
		return nil, refusedBy(status, told.Code, told.Message, told.CodeN)
	}
	if err != nil {
		return nil, err
	}
	return &driver.Answer{Metadata: answer.ResponseMetadata, Result: answer.Result}, nil
}

func point(client *base.Client, host string, step driver.Step) {
	client.SetHost(host)
	client.SetScheme("http")
	client.SetAccessKey(step.AccessKey)
	client.SetSecretKey(step.SecretKey)
	client.SetSessionToken(step.SessionToken)
}

// parse fills one of the SDK's own structs, and insists that the struct can say all of it.
func parse[Body any](step driver.Step) (*Body, error) {
	body := new(Body)
	decoder := json.NewDecoder(bytes.NewReader(step.Request))
	decoder.DisallowUnknownFields()
	return body, decoder.Decode(body)
}

var inError = regexp.MustCompile(`(?s)http code (\d+) body (\{.*\})`)

// refused finds the status and the body that service/im puts into its error's text.
func refused(err error) error {
	found := inError.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	status, _ := strconv.Atoi(found[1])
	return driver.RefusedBody(status, []byte(found[2]))
}

func presigned(host string, step driver.Step) (*driver.Answer, error) {
	client := im.NewInstance().Client
	query := url.Values{}
	if step.Method == "GET" {
		client = rtc.NewInstance().Client
		var parameters map[string]string
		if err := json.Unmarshal(step.Request, &parameters); err != nil {
			return nil, err
		}
		for name, value := range parameters {
			query.Set(name, value)
		}
	}
	point(client, host, step)
	signed, err := client.GetSignUrl(step.Action, query)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if step.Method != "GET" {
		body = bytes.NewReader(step.Request)
	}
	request, err := http.NewRequest(step.Method, "http://"+host+"/?"+signed+step.Append, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, driver.RefusedBody(answer.StatusCode, text)
	}
	var envelope driver.Envelope
	if err := json.Unmarshal(text, &envelope); err != nil {
		return nil, errors.Join(err, fmt.Errorf("body %q", text))
	}
	return &driver.Answer{Metadata: envelope.ResponseMetadata, Result: envelope.Result}, nil
}
