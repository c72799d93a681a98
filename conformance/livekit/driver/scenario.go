package main

// Who comes, what they do, and what the log has to say about it afterwards.
//
//	Room1   alice   stays until the media server dies, though her signal connection breaks once (a
//	                resume, which LiveKit does not report); comes back into the room's next call
//	        bob     leaves cleanly, comes back with another device and network, publishes, leaves
//	        carol   publishes, is killed, never comes back: the server notices by timeout
//	        dave    is killed and comes back before the server noticed (duplicate identity), leaves
//	        ghost   opens the signal connection only: never was in the room
//	        hugo    has to connect anew (a full reconnect: a new sid), leaves
//	        iris    opens a second device, which takes the place of the first, leaves
//	        scribe  is an agent, tape a recorder: neither tells anything
//	        gina    comes and goes just before the media server dies
//	课堂 (2) erin    publishes, leaves; the room ends; she returns into its next call, which the
//	                app server deletes
//	        bob     is here too, at the same time as in Room1
//	        frank   tells nothing about his device, is removed by the app server
//	        robot   runs on linux

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"syscall"
	"time"
)

const (
	room1 = "Room1"
	room2 = "课堂 (2)"
)

// client is what ListUserInfo shows of a device; facts is how it was told.
type client struct{ os, device, sdk, access string }

var unknownClient = client{os: "unknown", access: "unknown"}

func (c client) facts(connection, subtype string) map[string]string {
	facts := map[string]string{
		"os.name":                 c.os,
		"device.model.name":       c.device,
		"rtc.sdk.version":         c.sdk,
		"network.connection.type": connection,
	}
	if subtype != "" {
		facts["network.connection.subtype"] = subtype
	}
	return facts
}

var (
	alicePhone  = client{"ios", "iPhone 11", "3.30.101", "wifi"}
	bobPhone    = client{"android", "Pixel 8", "3.58.1", "wifi"}
	bobTablet   = client{"android", "Pixel Tablet", "3.58.2", "5g"}
	carolWeb    = client{"web", "Firefox 140", "4.66.2", "unknown"}
	daveDesk    = client{"windows", "Surface Pro 9", "3.57.0", "wifi"}
	daveLaptop  = client{"windows", "ThinkPad X1", "3.57.0", "4g"}
	erinMac     = client{"mac", "MacBook Air", "3.58.3", "wifi"}
	robotServer = client{"linux", "rack 4", "1.0.0", "unknown"}
	ginaPhone   = client{"ios", "iPhone 15 Pro", "3.58.3", "5g"}
	hugoPhone   = client{"android", "Pixel 9", "3.58.3", "5g"}
	irisPhone   = client{"ios", "iPhone 16", "3.58.3", "5g"}
	irisTablet  = client{"ios", "iPad Air", "3.58.1", "wifi"}
	machine     = client{os: "linux", access: "unknown"}
)

// stay is what one row of the answer has to say.
type stay struct {
	user, room, callID string
	client             client
	pub                bool
	intervals          []*interval
}

// log is the truth that the answers are compared with.
type log struct {
	stays []*stay
}

func (l *log) add(c client, pub bool, connections ...*person) {
	first := connections[0]
	s := &stay{user: first.identity, room: first.room, callID: first.roomSID, client: c, pub: pub}
	for _, p := range connections {
		s.intervals = append(s.intervals, p.interval)
	}
	l.stays = append(l.stays, s)
}

// actors are those whom a later act needs.
type actors struct {
	alice, bob, bobHere, carol, dave, erin, frank, robot *person
	hugo, iris, scribe, tape                             *person
}

// firstAct brings everybody in.
func (s *session) firstAct(ctx context.Context) (*actors, error) {
	var a actors
	var err error
	if a.alice, err = s.join(ctx, "alice", room1, alicePhone.facts("wifi", ""), nil); err != nil {
		return nil, err
	}
	if err := a.alice.publish(ctx, "audio"); err != nil {
		return nil, err
	}
	joins := []struct {
		into           **person
		identity, room string
		token, own     map[string]string
	}{
		{&a.bob, "bob", room1, bobPhone.facts("wifi", ""), nil},
		{&a.carol, "carol", room1, carolWeb.facts("unknown", ""), nil},
		{&a.dave, "dave", room1, nil, daveDesk.facts("wifi", "")},
		{&a.erin, "erin", room2, nil, erinMac.facts("wifi", "")},
		{&a.bobHere, "bob", room2, bobTablet.facts("cell", "nr"), nil},
		{&a.frank, "frank", room2, nil, nil},
		{&a.robot, "robot", room2, robotServer.facts("wired", ""), nil},
		{&a.hugo, "hugo", room1, hugoPhone.facts("cell", "nr"), nil},
		{&a.iris, "iris", room1, irisPhone.facts("cell", "nr"), nil},
		{&a.scribe, "scribe", room1, nil, nil},
		{&a.tape, "tape", room1, nil, nil},
	}
	kinds := map[string]string{"scribe": "AGENT", "tape": "EGRESS"}
	errs := make([]error, len(joins))
	var all sync.WaitGroup
	for i, j := range joins {
		invited := invitation{Room: j.room, Identity: j.identity, Kind: kinds[j.identity],
			TokenAttributes: j.token, JoinAttributes: j.own}
		all.Go(func() { *j.into, errs[i] = s.invite(ctx, invited) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	if err := s.knock("ghost", room1); err != nil {
		return nil, fmt.Errorf("ghost: %w", err)
	}
	for _, p := range []*person{a.carol, a.erin, a.robot} {
		if err := p.publish(ctx, "audio"); err != nil {
			return nil, err
		}
	}
	return &a, a.erin.publish(ctx, "video")
}

// secondAct is all the coming and going. The receiver of the webhooks may fail meanwhile.
func (s *session) secondAct(ctx context.Context, a *actors, failReceiver, healReceiver func() error) (*log, error) {
	var l log
	if err := pause(ctx, 2*time.Second); err != nil {
		return nil, err
	}
	changed, _ := json.Marshal(map[string]string{"network.connection.type": "wifi", "mood": "off"})
	if err := a.bob.tell("attributes " + string(changed)); err != nil {
		return nil, err
	}
	broken := time.Now()
	if err := a.alice.tell("resume"); err != nil {
		return nil, err
	}
	if _, err := a.alice.hear(ctx, "resumed", "", broken, 10*time.Second); err != nil {
		return nil, err
	}
	carolKilled := a.carol.drop()
	a.dave.drop()
	if err := pause(ctx, time.Second); err != nil {
		return nil, err
	}
	daveAgain, err := s.join(ctx, "dave", room1, daveLaptop.facts("cell", "lte"), nil)
	if err != nil {
		return nil, err
	}
	// The server removes the old connection while the new one comes in.
	a.dave.interval.leave = &moment{daveAgain.interval.join.from, daveAgain.interval.join.to}
	hugoAgain, irisAgain, err := s.comeTwice(ctx, a)
	if err != nil {
		return nil, err
	}
	if err := a.bob.leave(); err != nil {
		return nil, err
	}
	if err := s.remove(ctx, a.frank); err != nil {
		return nil, err
	}
	for _, p := range []*person{a.erin, a.bobHere, a.robot} {
		if err := p.leave(); err != nil {
			return nil, err
		}
	}
	room2Empty := time.Now()
	l.add(erinMac, true, a.erin)
	l.add(bobTablet, false, a.bobHere)
	l.add(unknownClient, false, a.frank)
	l.add(robotServer, true, a.robot)

	if err := failReceiver(); err != nil {
		return nil, err
	}
	if err := pause(ctx, 2*time.Second); err != nil {
		return nil, err
	}
	bobAgain, err := s.join(ctx, "bob", room1, bobTablet.facts("wifi", ""), bobTablet.facts("cell", "nr"))
	if err != nil {
		return nil, err
	}
	if err := bobAgain.publish(ctx, "video"); err != nil {
		return nil, err
	}
	if err := healReceiver(); err != nil {
		return nil, err
	}
	if err := pause(ctx, 3*time.Second); err != nil {
		return nil, err
	}
	for _, p := range []*person{bobAgain, daveAgain, hugoAgain, irisAgain, a.scribe, a.tape} {
		if err := p.leave(); err != nil {
			return nil, err
		}
	}
	l.add(bobTablet, true, a.bob, bobAgain)
	l.add(daveLaptop, false, a.dave, daveAgain)
	l.add(hugoPhone, false, a.hugo, hugoAgain)
	l.add(irisTablet, false, a.iris, irisAgain)
	l.add(machine, false, a.scribe)
	l.add(machine, false, a.tape)
	l.add(alicePhone, true, a.alice)

	// The room is over departure_timeout after its last leave, and its next guest begins a call.
	if err := pause(ctx, time.Until(room2Empty.Add((departureTimeoutS+3)*time.Second))); err != nil {
		return nil, err
	}
	erinAgain, err := s.join(ctx, "erin", room2, erinMac.facts("wifi", ""), nil)
	if err != nil {
		return nil, err
	}
	if erinAgain.roomSID == a.erin.roomSID {
		return nil, fmt.Errorf("LiveKit did not end %s in time: its sid is the same", room2)
	}
	if err := pause(ctx, 2*time.Second); err != nil {
		return nil, err
	}
	if err := s.deleteRoom(ctx, erinAgain); err != nil {
		return nil, err
	}
	l.add(erinMac, false, erinAgain)

	// Alice sees carol go when the server does.
	seen, err := a.alice.hear(ctx, "saw_leave", "carol", carolKilled, 30*time.Second)
	if err != nil {
		return nil, err
	}
	a.carol.interval.leave = &moment{seen.At, seen.At}
	l.add(carolWeb, true, a.carol)
	return &l, nil
}

// comeTwice is for those whom LiveKit lets in a second time in place of the first.
func (s *session) comeTwice(ctx context.Context, a *actors) (hugo, iris *person, err error) {
	if hugo, err = a.hugo.reconnect(ctx); err != nil {
		return nil, nil, err
	}
	if iris, err = s.join(ctx, "iris", room1, irisTablet.facts("wifi", ""), nil); err != nil {
		return nil, nil, err
	}
	return hugo, iris, a.iris.replaced(ctx, iris)
}

// thirdAct kills the media server: alice's leave is never told. The room's next call closes the
// old one at its last event, which is gina's leave.
func (s *session) thirdAct(ctx context.Context, a *actors, l *log) error {
	gina, err := s.join(ctx, "gina", room1, ginaPhone.facts("cell", "nr"), nil)
	if err != nil {
		return err
	}
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	if err := gina.leave(); err != nil {
		return err
	}
	l.add(ginaPhone, false, gina)
	// Far enough from the crash to tell the two times apart.
	if err := pause(ctx, 4*time.Second); err != nil {
		return err
	}
	end(s.servers.livekit, syscall.SIGKILL)
	a.alice.drop()
	a.alice.interval.leave = gina.interval.leave
	if err := s.servers.startLiveKit(ctx); err != nil {
		return err
	}
	aliceAgain, err := s.join(ctx, "alice", room1, alicePhone.facts("wifi", ""), nil)
	if err != nil {
		return err
	}
	l.add(alicePhone, false, aliceAgain)
	return nil
}
