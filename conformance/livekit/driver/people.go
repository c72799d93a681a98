package main

// The participants as the driver handles them: it starts their processes, tells them what to do,
// and writes down when.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
)

// moment is when something happened, as well as the driver can know it: not before, not after.
type moment struct{ from, to time.Time }

// interval is one connection; a nil leave means still there.
type interval struct {
	join  moment
	leave *moment
}

// person is one participant's process.
type person struct {
	identity, room, roomSID string
	cmd                     *exec.Cmd
	stdin                   io.WriteCloser
	interval                *interval

	mu    sync.Mutex
	heard []happening
}

// session knows the servers and everybody who ever came.
type session struct {
	servers *servers
	mu      sync.Mutex
	people  []*person
}

func (s *session) signalURL() string { return "ws://" + s.servers.livekitAddr }

// join brings someone in and returns when they are connected.
func (s *session) join(ctx context.Context, identity, room string, token, own map[string]string) (*person, error) {
	return s.invite(ctx, invitation{
		Room: room, Identity: identity, TokenAttributes: token, JoinAttributes: own,
	})
}

// invite is join for whoever is no ordinary participant.
func (s *session) invite(ctx context.Context, invited invitation) (*person, error) {
	invited.URL = s.signalURL()
	p := &person{identity: invited.Identity, room: invited.Room}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p.cmd = child(self, "participant")
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	log, err := s.servers.logFile("participants.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stderr = log
	before := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.people = append(s.people, p)
	s.mu.Unlock()
	go p.listen(stdout)
	if err := p.tell(invited); err != nil {
		return nil, err
	}
	joined, err := p.hear(ctx, "joined", "", before, 10*time.Second)
	if err != nil {
		return nil, err
	}
	p.roomSID = joined.RoomSID
	p.interval = &interval{join: moment{before, joined.At}}
	return p, nil
}

func (p *person) listen(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var h happening
		if json.Unmarshal(lines.Bytes(), &h) == nil {
			p.mu.Lock()
			p.heard = append(p.heard, h)
			p.mu.Unlock()
		}
	}
}

func (p *person) tell(what any) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	if text, ok := what.(string); ok {
		line = []byte(text)
	}
	_, err = p.stdin.Write(append(line, '\n'))
	return err
}

// hear waits until this person has said something, after a given time.
func (p *person) hear(ctx context.Context, what, about string, after time.Time, patience time.Duration) (happening, error) {
	deadline := time.Now().Add(patience)
	for {
		p.mu.Lock()
		for _, h := range p.heard {
			if h.What == what && h.Identity == about && h.At.After(after) {
				p.mu.Unlock()
				return h, nil
			}
		}
		p.mu.Unlock()
		if time.Now().After(deadline) {
			return happening{}, fmt.Errorf("%s in %s never said %s %s", p.identity, p.room, what, about)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return happening{}, err
		}
	}
}

func (p *person) publish(ctx context.Context, kind string) error {
	before := time.Now()
	if err := p.tell("publish " + kind); err != nil {
		return err
	}
	_, err := p.hear(ctx, "published", "", before, 10*time.Second)
	return err
}

// leave is the clean way: the server is told, the connection closed.
func (p *person) leave() error {
	before := time.Now()
	if err := p.tell("leave"); err != nil {
		return err
	}
	end(p.cmd, syscall.Signal(0))
	p.interval.leave = &moment{before, time.Now()}
	return nil
}

// reconnect makes the client begin anew, with a new sid: one connection ends, the next one begins.
// What it returns is the next one.
func (p *person) reconnect(ctx context.Context) (*person, error) {
	before := time.Now()
	if err := p.tell("reconnect"); err != nil {
		return nil, err
	}
	again, err := p.hear(ctx, "resumed", "", before, 10*time.Second)
	if err != nil {
		return nil, err
	}
	next := &person{identity: p.identity, room: p.room, roomSID: p.roomSID, cmd: p.cmd, stdin: p.stdin}
	next.interval = &interval{join: moment{before, again.At}}
	p.interval.leave = &moment{before, again.At}
	return next, nil
}

// replaced waits until another device of the same identity has taken this one's place.
func (p *person) replaced(ctx context.Context, by *person) error {
	gone, err := p.hear(ctx, "gone", "", by.interval.join.from, 10*time.Second)
	if err != nil {
		return err
	}
	p.drop()
	p.interval.leave = &moment{by.interval.join.from, gone.At}
	return nil
}

// drop is the other way: the process is gone without a word. The server notices later, so the
// leave has to be filled in by who sees it.
func (p *person) drop() time.Time {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	return time.Now()
}

func (s *session) dropEverybody() {
	for _, p := range s.people {
		if p.cmd.ProcessState == nil {
			p.drop()
		}
	}
}

// remove and deleteRoom: the app server ends a stay through LiveKit's own server API.
func (s *session) remove(ctx context.Context, p *person) error {
	before := time.Now()
	_, err := s.roomService().RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{
		Room: p.room, Identity: p.identity,
	})
	return p.thrownOut(ctx, before, err)
}

func (s *session) deleteRoom(ctx context.Context, last *person) error {
	before := time.Now()
	_, err := s.roomService().DeleteRoom(ctx, &livekit.DeleteRoomRequest{Room: last.room})
	return last.thrownOut(ctx, before, err)
}

func (p *person) thrownOut(ctx context.Context, before time.Time, err error) error {
	if err != nil {
		return err
	}
	gone, err := p.hear(ctx, "gone", "", before, 5*time.Second)
	if err != nil {
		return err
	}
	p.drop()
	p.interval.leave = &moment{before, gone.At}
	return nil
}

func (s *session) roomService() *lksdk.RoomServiceClient {
	return lksdk.NewRoomServiceClient("http://"+s.servers.livekitAddr, livekitKey, livekitSecret)
}

// knock opens the signal connection and hangs up before any media connection: a join that was
// never completed, which LiveKit reports as participant_connection_aborted.
func (s *session) knock(identity, room string) error {
	token, err := accessToken(invitation{Room: room, Identity: identity})
	if err != nil {
		return err
	}
	url := s.signalURL() + "/rtc?protocol=15&sdk=go&auto_subscribe=0&access_token=" + token
	connection, response, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, _, err := connection.ReadMessage(); err != nil {
		return err
	}
	return connection.Close()
}

// turnPasswords are the secrets of the rooms there are: webhooks carry them, nothing may keep them.
func (s *session) turnPasswords(ctx context.Context) ([]string, error) {
	rooms, err := s.roomService().ListRooms(ctx, &livekit.ListRoomsRequest{})
	if err != nil {
		return nil, err
	}
	var secrets []string
	for _, room := range rooms.Rooms {
		if room.TurnPassword != "" {
			secrets = append(secrets, room.TurnPassword)
		}
	}
	return secrets, nil
}
