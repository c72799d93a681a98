package main

// ListUserInfo through the official SDK: host, scheme and credential switched, nothing else.

import (
	"context"
	"fmt"
	"time"

	"github.com/volcengine/volc-sdk-golang/base"
	rtc "github.com/volcengine/volc-sdk-golang/service/rtc/v20231101"
)

type (
	query  = rtc.ListUserInfoQuery
	answer = rtc.ListUserInfoRes
	row    = rtc.ListUserInfoResResultUserListItem
)

func officialClient(host, secret string) *rtc.Rtc {
	client := rtc.NewInstance()
	client.SetHost(host)
	client.SetScheme("http")
	client.SetCredential(base.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secret})
	return client
}

// asker asks about one app, over a window that covers the session unless the query names its own.
type asker struct {
	client  *rtc.Rtc
	started time.Time
}

func (a *asker) whole(now time.Time) (string, string) {
	return a.started.Add(-time.Minute).Format(time.RFC3339), now.Add(time.Minute).Format(time.RFC3339)
}

func (a *asker) ask(ctx context.Context, change func(*query)) (*answer, error) {
	q := &query{AppID: rtcAppID}
	q.StartTime, q.EndTime = a.whole(time.Now())
	if change != nil {
		change(q)
	}
	got, status, err := a.client.ListUserInfo(ctx, q)
	if err != nil {
		return got, err
	}
	if status != 200 || got.ResponseMetadata == nil || got.ResponseMetadata.Error != nil ||
		got.Result == nil || got.Result.Total == nil {
		return got, fmt.Errorf("status %d, no proper Result", status)
	}
	return got, nil
}

// rows asks for one page that is large enough for everything.
func (a *asker) rows(ctx context.Context, change func(*query)) ([]*row, error) {
	got, err := a.ask(ctx, func(q *query) {
		q.PageSize = long(100)
		if change != nil {
			change(q)
		}
	})
	if err != nil {
		return nil, err
	}
	return got.Result.UserList, nil
}

// settled asks until the answer is as wanted, since LiveKit delivers its webhooks when it likes.
func (a *asker) settled(ctx context.Context, patience time.Duration, wanted func([]*row) bool) (time.Duration, error) {
	began := time.Now()
	for {
		got, err := a.rows(ctx, nil)
		if err == nil && wanted(got) {
			return time.Since(began), nil
		}
		if time.Since(began) > patience {
			return time.Since(began), err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return time.Since(began), err
		}
	}
}

func long(n int64) *int64 { return &n }

func text(s *string) string {
	if s == nil {
		return "(missing)"
	}
	return *s
}

func number(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

func yes(b *bool) bool { return b != nil && *b }
