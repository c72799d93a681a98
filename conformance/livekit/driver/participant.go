package main

// One participant, in a process of its own, so that it can be killed like a phone whose battery
// ends. It reads commands from standard input, a line each (`publish audio`, `publish video`,
// `attributes JSON`, `resume`, `reconnect`, `leave`), and says on standard output what happened, a JSON object a line.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

// invitation is what a participant is started with.
type invitation struct {
	URL      string `json:"url"`
	Room     string `json:"room"`
	Identity string `json:"identity"`
	// What kind of participant the token makes them, by LiveKit's name; a person unless given.
	Kind string `json:"kind"`
	// Attributes that the app server puts into the access token.
	TokenAttributes map[string]string `json:"token_attributes"`
	// Attributes that the client itself brings when it joins.
	JoinAttributes map[string]string `json:"join_attributes"`
}

// happening is what a participant says.
type happening struct {
	What     string    `json:"what"` // joined, published, resumed (reconnected), gone, saw_leave
	At       time.Time `json:"at"`
	RoomSID  string    `json:"room_sid,omitempty"`
	Identity string    `json:"identity,omitempty"`
}

var speaking sync.Mutex

func say(h happening) {
	h.At = time.Now()
	speaking.Lock()
	defer speaking.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(h)
}

func participate() {
	lksdk.SetLogger(logger.GetDiscardLogger())
	var invited invitation
	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	if err := json.Unmarshal(lines.Bytes(), &invited); err != nil {
		fail(err)
	}
	token, err := accessToken(invited)
	if err != nil {
		fail(err)
	}
	callback := &lksdk.RoomCallback{
		OnDisconnected: func() { say(happening{What: "gone"}) },
		OnReconnected:  func() { say(happening{What: "resumed"}) },
		OnParticipantDisconnected: func(other *lksdk.RemoteParticipant) {
			say(happening{What: "saw_leave", Identity: other.Identity()})
		},
	}
	room, err := lksdk.ConnectToRoomWithToken(invited.URL, token, callback,
		lksdk.WithExtraAttributes(invited.JoinAttributes))
	if err != nil {
		fail(err)
	}
	say(happening{What: "joined", RoomSID: room.SID()})
	for lines.Scan() {
		if err := obey(room, lines.Text()); err != nil {
			fail(err)
		}
	}
	// The parent closed the pipe without `leave`: end as abruptly.
}

func accessToken(invited invitation) (string, error) {
	grant := &auth.VideoGrant{RoomJoin: true, Room: invited.Room}
	grant.SetCanUpdateOwnMetadata(true)
	return auth.NewAccessToken(livekitKey, livekitSecret).
		SetVideoGrant(grant).
		SetIdentity(invited.Identity).
		SetName(strings.ToUpper(invited.Identity)).
		SetAttributes(invited.TokenAttributes).
		SetKind(livekit.ParticipantInfo_Kind(livekit.ParticipantInfo_Kind_value[invited.Kind])).
		SetValidFor(10 * time.Minute).
		ToJWT()
}

func obey(room *lksdk.Room, line string) error {
	command, rest, _ := strings.Cut(line, " ")
	switch command {
	case "publish":
		return publish(room, rest)
	case "attributes":
		var attributes map[string]string
		if err := json.Unmarshal([]byte(rest), &attributes); err != nil {
			return err
		}
		room.LocalParticipant.SetAttributes(attributes)
		return nil
	case "resume":
		// The signal connection breaks and is taken up again; the media connection stays.
		room.Simulate(lksdk.SimulateSignalReconnect)
		return nil
	case "reconnect":
		// The server forgets the client, which cannot resume then and begins anew, with a new sid.
		room.Simulate(lksdk.SimulateNodeFailure)
		return nil
	case "leave":
		room.Disconnect()
		os.Exit(0)
	}
	return fmt.Errorf("no such command: %s", line)
}

// publish sends a real track: packets flow, or the server never reports it as published.
func publish(room *lksdk.Room, kind string) error {
	codec := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	options := &lksdk.TrackPublicationOptions{Name: "microphone"}
	if kind == "video" {
		codec = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
		options = &lksdk.TrackPublicationOptions{Name: "camera", VideoWidth: 320, VideoHeight: 180}
	}
	track, err := lksdk.NewLocalSampleTrack(codec)
	if err != nil {
		return err
	}
	if err := track.StartWrite(lksdk.NewNullSampleProvider(32_000), nil); err != nil {
		return err
	}
	if _, err := room.LocalParticipant.PublishTrack(track, options); err != nil {
		return err
	}
	say(happening{What: "published"})
	return nil
}
