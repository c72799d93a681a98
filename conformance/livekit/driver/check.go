package main

// The session against whowas, and the questions about it.

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/livekit/protocol/auth"
)

// How long after an act LiveKit may take to deliver its last webhooks.
const deliveryMax = 15 * time.Second

// check says how many checks failed; a session that broke off is one of them.
func check(ctx context.Context, servers *servers) int {
	r := &report{}
	if err := runAndAsk(ctx, servers, r); err != nil {
		r.that("the session runs to its end", err.Error())
	}
	fmt.Printf("%d passed, %d failed\n", r.passed, r.failed)
	return r.failed
}

func runAndAsk(ctx context.Context, servers *servers, r *report) error {
	began := time.Now()
	if err := servers.startWhowas(ctx); err != nil {
		return err
	}
	hook := servers.hook()
	// What LiveKit sends passes through here, so that it can be sent once more.
	between, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer between.Close()
	delivered := &recorder{hook: hook}
	go delivered.serve(between)
	if err := servers.startLiveKit(ctx, "http://"+between.Addr().String()+"/hooks/livekit/"+appID); err != nil {
		return err
	}
	s := &session{servers: servers}
	defer s.dropEverybody()
	ask := &asker{client: officialClient(servers.whowasAddr, secretKey), started: began}

	a, err := s.firstAct(ctx)
	if err != nil {
		return err
	}
	secrets, err := s.turnPasswords(ctx)
	if err != nil {
		return err
	}
	forged(ctx, r, hook)
	l, err := s.secondAct(ctx, a,
		func() error { end(servers.whowas, syscall.SIGKILL); return nil },
		func() error { return servers.startWhowas(ctx) })
	if err != nil {
		return err
	}
	settle(ctx, r, ask, l, "with alice still there")
	askEverything(ctx, r, ask, l)
	again(ctx, r, ask, delivered)

	if err := s.thirdAct(ctx, a, l); err != nil {
		return err
	}
	settle(ctx, r, ask, l, "after the media server was killed and came back")
	askEverything(ctx, r, ask, l)

	end(servers.whowas, syscall.SIGTERM)
	r.that("SIGTERM ends whowas with status 0", same("status", servers.whowas.ProcessState.ExitCode(), 0))
	r.that(fmt.Sprintf("the rooms' %d TURN passwords are neither in the data nor in the log", len(secrets)),
		same("known", len(secrets), 2), traces(servers.folder, secrets))
	return nil
}

// again delivers every webhook once more, the last first: nothing may change.
func again(ctx context.Context, r *report, ask *asker, delivered *recorder) {
	delivered.mu.Lock()
	lines := append([]recorded(nil), delivered.lines...)
	delivered.mu.Unlock()
	before, err := ask.rows(ctx, everybody)
	faults := []string{trouble(err)}
	slices.Reverse(lines)
	for _, line := range lines {
		status, err := line.send(delivered.hook)
		faults = append(faults, trouble(err), same("status", status, http.StatusOK))
	}
	after, err := ask.rows(ctx, everybody)
	r.that(fmt.Sprintf("all %d webhooks once more, the last first: each is taken, nothing changes", len(lines)),
		append(faults, trouble(err), same("more than thirty", len(lines) > 30, true),
			same("rows", told(after), told(before)))...)
}

func everybody(q *query) { no := false; q.ExcludeServerUser = &no }

// told is all that rows say, but for how long those are there who are still there.
func told(rows []*row) string {
	var all []string
	for _, r := range rows {
		line := *r
		if !yes(line.Finished) {
			line.Duration = nil
		}
		text, err := json.Marshal(line)
		all = append(all, string(text)+trouble(err))
	}
	return strings.Join(all, "\n")
}

// traces looks for secrets in what whowas wrote.
func traces(folder string, secrets []string) string {
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(folder, path)
		if err != nil || entry.IsDir() || !strings.HasPrefix(name, "data/") && name != "whowas.log" {
			return err
		}
		written, err := os.ReadFile(path)
		for _, secret := range secrets {
			if strings.Contains(string(written), secret) {
				found = append(found, name+" holds one")
			}
		}
		return err
	})
	return strings.Join(append(found, trouble(err)), " ")
}

// settle waits until the answer has as many rows, and as many of them finished, as it must have.
// Whether they are right is for the checks after it.
func settle(ctx context.Context, r *report, ask *asker, l *log, when string) {
	total, over := 0, 0
	for _, s := range l.stays {
		if s.client.os != "linux" {
			total++
			if !s.there() {
				over++
			}
		}
	}
	waited, err := ask.settled(ctx, deliveryMax, func(rows []*row) bool {
		return len(rows) == total && finished(rows) == over
	})
	fmt.Printf("# %s (%.1f s after the last act)\n", when, waited.Seconds())
	r.that("the answer is well-formed", trouble(err))
}

func finished(rows []*row) int {
	n := 0
	for _, r := range rows {
		if yes(r.Finished) {
			n++
		}
	}
	return n
}

// forged sends what LiveKit did not sign.
func forged(ctx context.Context, r *report, hook string) {
	body := `{"event":"participant_joined","id":"EV_forged","createdAt":"` + fmt.Sprint(time.Now().Unix()) +
		`","room":{"sid":"RM_forged","name":"Room1"},"participant":{"sid":"PA_forged","identity":"mallory"}}`
	sign := func(secret, body string) string {
		hash := sha256.Sum256([]byte(body))
		token, err := auth.NewAccessToken(livekitKey, secret).
			SetSha256(base64.StdEncoding.EncodeToString(hash[:])).ToJWT()
		if err != nil {
			return err.Error()
		}
		return token
	}
	forgeries := []struct{ name, authorization string }{
		{"unsigned", ""},
		{"signed with another secret", sign(strings.Repeat("x", 36), body)},
		{"signed for another body", sign(livekitSecret, body+" ")},
	}
	for _, f := range forgeries {
		name := "a webhook " + f.name + " is refused"
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, strings.NewReader(body))
		if err != nil {
			r.that(name, trouble(err))
			continue
		}
		request.Header.Set("Content-Type", "application/webhook+json")
		if f.authorization != "" {
			request.Header.Set("Authorization", f.authorization)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			r.that(name, trouble(err))
			continue
		}
		response.Body.Close()
		r.that(name, same("status", response.StatusCode, http.StatusUnauthorized))
	}
}

// askEverything asks for all of the log in every way, and compares.
func askEverything(ctx context.Context, r *report, ask *asker, l *log) {
	all, err := ask.rows(ctx, everybody)
	asked := time.Now()
	r.that("everybody, servers included: one row for each stay, nobody else (no ghost, no mallory)",
		trouble(err), same("rows", who(all), l.who(func(*stay) bool { return true })))
	for _, s := range l.stays {
		s.compare(r, all, asked)
	}
	r.that("the rows are in order of CreatedAt, RoomId, CallId, UserId",
		same("sorted", sort.SliceIsSorted(all, func(i, j int) bool { return order(all[i]) < order(all[j]) }), true))

	notLinux := func(s *stay) bool { return s.client.os != "linux" }
	narrowed := []struct {
		name   string
		change func(*query)
		want   func(*stay) bool
	}{
		{"servers are left out unless asked for", nil, notLinux},
		{"only " + room1, func(q *query) { name := room1; q.RoomID = &name },
			func(s *stay) bool { return notLinux(s) && s.room == room1 }},
		{"only " + room2 + ", both its calls", func(q *query) { name := room2; q.RoomID = &name },
			func(s *stay) bool { return notLinux(s) && s.room == room2 }},
		{"a room where nobody was", func(q *query) { name := "Room2"; q.RoomID = &name },
			func(*stay) bool { return false }},
		{"only bob, in both rooms", func(q *query) { users := "bob"; q.UserID = &users },
			func(s *stay) bool { return s.user == "bob" }},
		{"bob, erin and one who never was, by room", func(q *query) {
			users, name := "bob,erin,zoe", room2
			q.UserID, q.RoomID = &users, &name
		}, func(s *stay) bool { return s.room == room2 && (s.user == "bob" || s.user == "erin") }},
		{"the hour before", func(q *query) {
			q.StartTime = ask.started.Add(-time.Hour).Format(time.RFC3339)
			q.EndTime = ask.started.Add(-2 * time.Second).Format(time.RFC3339)
		}, func(*stay) bool { return false }},
		{"the instant between erin's last leave and carol's", func(q *query) {
			q.StartTime, q.EndTime = l.quiet().Format(time.RFC3339), l.quiet().Format(time.RFC3339)
		}, func(s *stay) bool { return notLinux(s) && s.spans(l.quiet()) }},
	}
	for _, n := range narrowed {
		rows, err := ask.rows(ctx, n.change)
		r.that(n.name, trouble(err), same("rows", who(rows), l.who(n.want)))
	}
	pages(ctx, r, ask, l)
	refused(ctx, r, ask)
}

// pages reads everything three rows at a time and finds the same as in one page.
func pages(ctx context.Context, r *report, ask *asker, l *log) {
	whole, err := ask.rows(ctx, nil)
	faults := []string{trouble(err)}
	var pieces []*row
	const size = 3
	last := int64(len(whole)+size-1) / size
	for page := int64(1); page <= last+1; page++ {
		got, err := ask.ask(ctx, func(q *query) { q.PageNum, q.PageSize = long(page), long(size) })
		if err != nil {
			r.that("pages", trouble(err))
			return
		}
		pieces = append(pieces, got.Result.UserList...)
		faults = append(faults, same("Total", number(got.Result.Total), int64(len(whole))),
			same("PageNum", number(got.Result.PageNum), page), same("PageSize", number(got.Result.PageSize), size))
	}
	faults = append(faults, same("the pages together", fmt.Sprint(orders(pieces)), fmt.Sprint(orders(whole))))
	r.that("pages of three, and one past the end, make the whole, with the true Total", faults...)

	got, err := ask.ask(ctx, nil)
	faults = []string{trouble(err)}
	if err == nil {
		faults = append(faults, same("PageNum", number(got.Result.PageNum), 1),
			same("PageSize", number(got.Result.PageSize), 20),
			same("Action", got.ResponseMetadata.Action, "ListUserInfo"),
			same("Version", got.ResponseMetadata.Version, "2023-11-01"),
			same("Service", got.ResponseMetadata.Service, "rtc"),
			same("Region", got.ResponseMetadata.Region, "cn-north-1"))
	}
	r.that("PageNum and PageSize unless given, and the envelope", faults...)
}

func refused(ctx context.Context, r *report, ask *asker) {
	stranger := &asker{client: officialClient(ask.client.ServiceInfo.Host, "another"),
		started: ask.started}
	got, err := stranger.ask(ctx, nil)
	told := got != nil && got.ResponseMetadata != nil && got.ResponseMetadata.Error != nil &&
		got.ResponseMetadata.Error.CodeN != nil && *got.ResponseMetadata.Error.CodeN != 0
	r.that("a wrong secret is refused, with Error and CodeN", same("refused", err != nil, true), same("told", told, true))
}

// quiet is an instant of which the truth is certain: nobody came or went around it.
func (l *log) quiet() time.Time {
	var erin, carol time.Time
	for _, s := range l.stays {
		leave := s.intervals[len(s.intervals)-1].leave
		if s.user == "erin" && leave.to.After(erin) {
			erin = leave.to
		}
		if s.user == "carol" {
			carol = leave.from
		}
	}
	return erin.Add(carol.Sub(erin) / 2)
}

func (s *stay) spans(at time.Time) bool {
	last := s.intervals[len(s.intervals)-1]
	return s.intervals[0].join.from.Before(at) && (last.leave == nil || last.leave.from.After(at))
}

// who names the rows, whatever their order.
func who(rows []*row) string {
	var names []string
	for _, r := range rows {
		names = append(names, text(r.UserID)+"@"+text(r.CallID))
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

func (l *log) who(wanted func(*stay) bool) string {
	var names []string
	for _, s := range l.stays {
		if wanted(s) {
			names = append(names, s.user+"@"+s.callID)
		}
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

func order(r *row) string {
	return strings.Join([]string{text(r.CreatedAt), text(r.RoomID), text(r.CallID), text(r.UserID)}, "\x00")
}

func orders(rows []*row) []string {
	var all []string
	for _, r := range rows {
		all = append(all, order(r))
	}
	return all
}
