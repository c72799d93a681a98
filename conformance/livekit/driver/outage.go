package main

// Webhooks that are really lost: whowas is down for longer than LiveKit tries to deliver.
//
// One LiveKit tells two whowas: one that asks it every two seconds who is there, and one that only
// listens. Both are down together, and so are told the same.
//
//	alice   is there before, during and after
//	bob     leaves during the outage: nobody is ever told
//	carol   comes during the outage, and stays: nobody is told before she leaves
//	dora    is there when LiveKit is killed
//
// Who asks shows that bob has gone, soon after it is back; who listens shows a ghost until the
// room ends. Neither ends anybody who is there, and neither knows of carol before her leave.

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// LiveKit tries five times within 15 seconds, and gives up what is older than 30.
	outageS = 40
	// What a snapshot is dated before the question, and a little more than two rounds.
	slack          = 10 * time.Second
	reconcileEvery = 2
)

// watcher is one of the two whowas, with the questions to it.
type watcher struct {
	name string
	*servers
	*asker
}

func outage(ctx context.Context, livekit *servers) int {
	r := &report{}
	if err := runOutage(ctx, livekit, r); err != nil {
		r.that("the outage runs to its end", err.Error())
	}
	fmt.Printf("%d passed, %d failed\n", r.passed, r.failed)
	return r.failed
}

// watch starts a whowas in a folder of its own.
func watch(ctx context.Context, livekit *servers, name string, reconcileSeconds int) (*watcher, error) {
	folder := filepath.Join(livekit.folder, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	s := &servers{folder: folder, whowasBin: livekit.whowasBin, livekitAddr: livekit.livekitAddr,
		reconcileSeconds: reconcileSeconds}
	began := time.Now()
	if err := s.startWhowas(ctx); err != nil {
		return nil, err
	}
	return &watcher{name, s, &asker{client: officialClient(s.whowasAddr, secretKey), started: began}}, nil
}

func runOutage(ctx context.Context, livekit *servers, r *report) error {
	if err := livekit.placeLiveKit(); err != nil {
		return err
	}
	asks, err := watch(ctx, livekit, "asks", reconcileEvery)
	if err != nil {
		return err
	}
	defer asks.stop()
	listens, err := watch(ctx, livekit, "listens", 0)
	if err != nil {
		return err
	}
	defer listens.stop()
	if err := livekit.startLiveKit(ctx, asks.hook(), listens.hook()); err != nil {
		return err
	}
	s := &session{servers: livekit}
	defer s.dropEverybody()
	o := &outageOf{session: s, report: r, both: []*watcher{asks, listens}, asks: asks, listens: listens}
	if err := o.lostLeave(ctx); err != nil {
		return err
	}
	return o.deadServer(ctx)
}

type outageOf struct {
	*session
	*report
	both          []*watcher
	asks, listens *watcher
}

// lostLeave is the outage of whowas.
func (o *outageOf) lostLeave(ctx context.Context) error {
	alice, err := o.join(ctx, "alice", room1, alicePhone.facts("wifi", ""), nil)
	if err != nil {
		return err
	}
	bob, err := o.join(ctx, "bob", room1, bobPhone.facts("wifi", ""), nil)
	if err != nil {
		return err
	}
	for _, w := range o.both {
		o.shows(ctx, w, "before the outage", "alice there, bob there")
	}
	began := time.Now()
	for _, w := range o.both {
		end(w.whowas, syscall.SIGKILL)
	}
	if err := bob.leave(); err != nil {
		return err
	}
	carol, err := o.join(ctx, "carol", room1, nil, nil)
	if err != nil {
		return err
	}
	if err := pause(ctx, time.Until(began.Add(outageS*time.Second))); err != nil {
		return err
	}
	for _, w := range o.both {
		if err := w.startWhowas(ctx); err != nil {
			return err
		}
	}
	o.shows(ctx, o.asks, "after the outage, asking", "alice there, bob gone")
	back := moment{bob.interval.leave.from, time.Now()}
	o.checkLeave(ctx, o.asks, "bob left between his leave and the first answer, as well as it can be known", "bob", back)
	o.shows(ctx, o.listens, "after the outage, only listening: a ghost", "alice there, bob there")

	// Some more rounds; then everybody goes, and LiveKit tells of it.
	if err := pause(ctx, 3*reconcileEvery*time.Second); err != nil {
		return err
	}
	o.shows(ctx, o.asks, "some rounds later", "alice there, bob gone")
	ended := o.counted(o.asks, "whowas_reconcile_ended_total")
	o.that("one participant was found gone, in rounds that all went well",
		same("ended", ended, 1), same("failures", o.counted(o.asks, "whowas_reconcile_failures_total"), 0))
	for _, p := range []*person{carol, alice} {
		if err := p.leave(); err != nil {
			return err
		}
	}
	for _, w := range o.both {
		o.shows(ctx, w, "after everybody has left, "+w.name, "alice gone, bob gone, carol gone")
		o.checkLeave(ctx, w, w.name+": alice left when she did", "alice", *alice.interval.leave)
		o.checkStay(ctx, w, w.name+": carol's lost join is told by her leave", carol)
	}
	o.checkLeave(ctx, o.asks, "bob's leave stands", "bob", back)
	after := moment{alice.interval.leave.from, time.Now()}
	o.checkLeave(ctx, o.listens, "only listening: the ghost goes with the room", "bob", after)
	return nil
}

// deadServer is the death of LiveKit: it tells no leave, and for a while answers nothing.
func (o *outageOf) deadServer(ctx context.Context) error {
	dora, err := o.join(ctx, "dora", room2, nil, nil)
	if err != nil {
		return err
	}
	before := "alice gone, bob gone, carol gone, dora there"
	for _, w := range o.both {
		o.shows(ctx, w, "with dora there, "+w.name, before)
	}
	// Longer than the slack: from now on whoever asks could end her.
	if err := pause(ctx, slack+2*time.Second); err != nil {
		return err
	}
	killed := time.Now()
	end(o.servers.livekit, syscall.SIGKILL)
	dora.drop()
	if err := pause(ctx, 3*reconcileEvery*time.Second); err != nil {
		return err
	}
	failures := o.counted(o.asks, "whowas_reconcile_failures_total")
	o.that("a LiveKit that is down is not empty", same("failures of asking", failures > 0, true))
	o.shows(ctx, o.asks, "while LiveKit is down", before)
	if err := o.servers.startLiveKit(ctx); err != nil {
		return err
	}
	o.shows(ctx, o.asks, "after LiveKit is back, asking", "alice gone, bob gone, carol gone, dora gone")
	o.checkLeave(ctx, o.asks, "dora left between LiveKit's death and its first answer, as well as it can be known",
		"dora", moment{killed.Add(-slack), time.Now()})
	o.shows(ctx, o.listens, "after LiveKit is back, only listening: a ghost", before)
	return nil
}

// shows waits until the answer says so: it can be some rounds, and LiveKit's retries.
func (o *outageOf) shows(ctx context.Context, w *watcher, when, want string) {
	_, err := w.settled(ctx, deliveryMax, func(rows []*row) bool { return thereAndGone(rows) == want })
	rows, again := w.rows(ctx, nil)
	o.that(when+": "+want, trouble(err), trouble(again), same("rows", thereAndGone(rows), want))
}

// thereAndGone is each user, in order of their coming.
func thereAndGone(rows []*row) string {
	var all []string
	for _, r := range rows {
		is := "there"
		if yes(r.Finished) {
			is = "gone"
		}
		all = append(all, text(r.UserID)+" "+is)
	}
	// Two who come in one second are in the order of their names.
	return strings.Join(all, ", ")
}

func (o *outageOf) row(ctx context.Context, w *watcher, user string) (*row, error) {
	rows, err := w.rows(ctx, func(q *query) { q.UserID = &user })
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("%d rows of %s", len(rows), user)
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

func (o *outageOf) checkLeave(ctx context.Context, w *watcher, name, user string, want moment) {
	got, err := o.row(ctx, w, user)
	if err != nil {
		o.that(name, trouble(err))
		return
	}
	o.that(name, near("LeaveAt", text(got.LeaveAt), want))
}

func (o *outageOf) checkStay(ctx context.Context, w *watcher, name string, p *person) {
	got, err := o.row(ctx, w, p.identity)
	if err != nil {
		o.that(name, trouble(err))
		return
	}
	truth := &stay{user: p.identity, room: p.room, callID: p.roomSID, intervals: []*interval{p.interval}}
	o.that(name, append(truth.compareRecord(got), same("CallId", text(got.CallID), p.roomSID))...)
}

// counted sums up a counter of whowas, whatever its labels.
func (o *outageOf) counted(w *watcher, name string) int {
	response, err := http.Get("http://" + w.whowasAddr + "/metrics")
	if err != nil {
		return -1
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	if err != nil {
		return -1
	}
	sum := 0
	for line := range strings.Lines(string(metrics)) {
		if strings.HasPrefix(line, name+"{") {
			value, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]))
			if err != nil {
				return -1
			}
			sum += value
		}
	}
	return sum
}
