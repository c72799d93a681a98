package main

// A recorder in place of whowas: keeps every webhook as it came, headers in order and in their own
// case, and the body's exact text. It reads HTTP by hand, since a library would reorder the headers.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/webhook"
)

// recorded is one line of the file.
type recorded struct {
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body"`
}

// recorder answers webhooks itself, or passes them on to a hook and keeps those that it took.
type recorder struct {
	hook string

	mu    sync.Mutex
	lines []recorded
}

func record(ctx context.Context, servers *servers, out string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	r := &recorder{}
	go r.serve(listener)

	if err := servers.startLiveKit(ctx, "http://"+listener.Addr().String()+"/hooks/livekit/"+appID); err != nil {
		return err
	}
	s := &session{servers: servers}
	defer s.dropEverybody()
	nothing := func() error { return nil }
	a, err := s.firstAct(ctx)
	if err != nil {
		return err
	}
	l, err := s.secondAct(ctx, a, nothing, nothing)
	if err != nil {
		return err
	}
	if err := s.thirdAct(ctx, a, l); err != nil {
		return err
	}
	// The end of the session: a stop of the server, with alice still there. The first signal
	// makes it wait for everybody to go, the second makes it stop.
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	_ = servers.livekit.Process.Signal(syscall.SIGTERM)
	if err := pause(ctx, 500*time.Millisecond); err != nil {
		return err
	}
	end(servers.livekit, syscall.SIGTERM)
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	return r.write(out)
}

func (r *recorder) serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			reader := bufio.NewReader(connection)
			for {
				request, err := readRequest(reader)
				if err != nil {
					return
				}
				if r.hook != "" {
					// Where nobody listens, LiveKit finds nobody listening.
					if status, err := request.send(r.hook); err != nil || status != http.StatusOK {
						return
					}
				}
				r.mu.Lock()
				r.lines = append(r.lines, request)
				r.mu.Unlock()
				fmt.Fprint(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
		}()
	}
}

// send delivers a webhook byte for byte as it came, and tells the status of the answer.
func (r recorded) send(hook string) (int, error) {
	to, err := url.Parse(hook)
	if err != nil {
		return 0, err
	}
	connection, err := net.DialTimeout("tcp", to.Host, 5*time.Second)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	var head strings.Builder
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\n", to.Path)
	for _, header := range r.Headers {
		fmt.Fprintf(&head, "%s: %s\r\n", header[0], header[1])
	}
	if _, err := io.WriteString(connection, head.String()+"\r\n"+r.Body); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	return answer.StatusCode, nil
}

func readRequest(reader *bufio.Reader) (recorded, error) {
	var request recorded
	if _, err := reader.ReadString('\n'); err != nil {
		return request, err
	}
	length := -1
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return request, err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		request.Headers = append(request.Headers, [2]string{name, value})
		if strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(value); err != nil {
				return request, err
			}
		}
	}
	if length < 0 {
		return request, fmt.Errorf("a webhook without Content-Length")
	}
	body := make([]byte, length)
	_, err := io.ReadFull(reader, body)
	request.Body = string(body)
	return request, err
}

// write verifies each webhook as LiveKit's own receiver does, and keeps it.
func (r *recorder) write(out string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := auth.NewSimpleKeyProvider(livekitKey, livekitSecret)
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	for _, line := range r.lines {
		request, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(line.Body))
		if err != nil {
			return err
		}
		for _, header := range line.Headers {
			request.Header.Add(header[0], header[1])
		}
		event, err := webhook.ReceiveWebhookEvent(request, keys)
		if err != nil {
			return err
		}
		fmt.Println(event.CreatedAt, event.Event, event.Room.GetName(), event.Room.GetSid(),
			event.Participant.GetIdentity(), event.Participant.GetSid(), event.Participant.GetDisconnectReason())
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return os.WriteFile(out, text.Bytes(), 0o644)
}
