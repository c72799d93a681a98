package main

// Starting and stopping the two servers, by process id only. Everything listens on loopback.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

const (
	appID       = "4111"
	rtcAppID    = "661e0000000000000000543c"
	accessKeyID = "AKLTconformance"
	secretKey   = "Y29uZm9ybWFuY2Utc2VjcmV0LWtleQ=="

	// LiveKit wants secrets of at least 32 characters.
	livekitKey    = "devkey"
	livekitSecret = "conformance-livekit-secret-0123456789"

	departureTimeoutS = 2
)

type servers struct {
	folder     string
	livekitBin string
	whowasBin  string

	whowas        *exec.Cmd
	whowasAddr    string
	livekit       *exec.Cmd
	livekitAddr   string
	livekitConfig string
	livekitPorts  []int

	// reconcileSeconds is how often whowas asks LiveKit who is there; 0 is never.
	reconcileSeconds int
}

func (s *servers) stop() {
	end(s.livekit, syscall.SIGTERM)
	end(s.whowas, syscall.SIGTERM)
}

// end signals a process and waits for it; after three seconds it is killed.
func end(cmd *exec.Cmd, sig syscall.Signal) {
	if cmd == nil || cmd.Process == nil || cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(sig)
	killer := time.AfterFunc(3*time.Second, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	_ = cmd.Wait()
}

// child prepares a process that does not outlive this one.
func child(bin string, args ...string) *exec.Cmd {
	cmd := exec.Command(bin, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (s *servers) logFile(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(s.folder, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// asking is the part of the config that makes whowas ask LiveKit who is there.
func (s *servers) asking() string {
	if s.reconcileSeconds == 0 {
		return ""
	}
	return fmt.Sprintf(`, url = "http://%s", reconcile_seconds = %d`, s.livekitAddr, s.reconcileSeconds)
}

var listening = regexp.MustCompile(`listening on http://(\S+)`)

// startWhowas starts the server, or starts it again on the same address and data.
func (s *servers) startWhowas(ctx context.Context) error {
	config := filepath.Join(s.folder, "whowas.toml")
	text := fmt.Sprintf(`listen = "127.0.0.1:0"
data = %q
limits = "off"

[[apps]]
id = %s
rtc_id = %q
name = "conformance"
access_keys = [{ id = %q, secret = %q }]

[apps.sources]
livekit = { api_key = %q, api_secret = %q%s }
`, filepath.Join(s.folder, "data"), appID, rtcAppID, accessKeyID, secretKey, livekitKey, livekitSecret, s.asking())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	args := []string{"serve", "--config", config}
	if s.whowasAddr != "" {
		args = append(args, "--listen", s.whowasAddr)
	}
	cmd := child(s.whowasBin, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	log, err := s.logFile("whowas.log")
	if err != nil {
		return err
	}
	cmd.Stdout = log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.whowas = cmd
	addr := make(chan string, 1)
	go func() {
		defer log.Close()
		lines := bufio.NewReader(io.TeeReader(stderr, log))
		for {
			line, err := lines.ReadString('\n')
			if found := listening.FindStringSubmatch(line); found != nil {
				select {
				case addr <- found[1]:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case s.whowasAddr = <-addr:
	case <-time.After(10 * time.Second):
		return fmt.Errorf("whowas never said `listening on http://ADDR`")
	case <-ctx.Done():
		return ctx.Err()
	}
	return ready(ctx, "http://"+s.whowasAddr+"/health/ready")
}

// hook is where this whowas takes LiveKit's webhooks.
func (s *servers) hook() string { return "http://" + s.whowasAddr + "/hooks/livekit/" + appID }

// startLiveKit starts livekit-server with its webhooks pointed at the hooks, or starts it again as
// it was.
func (s *servers) startLiveKit(ctx context.Context, hooks ...string) error {
	if s.livekitConfig == "" {
		if err := s.writeLiveKitConfig(hooks); err != nil {
			return err
		}
	}
	log, err := s.logFile("livekit.log")
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := child(s.livekitBin, "--config", s.livekitConfig)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.livekit = cmd
	return ready(ctx, "http://"+s.livekitAddr+"/")
}

// placeLiveKit finds ports for LiveKit, the first of which is its address.
func (s *servers) placeLiveKit() error {
	var err error
	if s.livekitPorts, err = freePorts(3); err != nil {
		return err
	}
	s.livekitAddr = fmt.Sprintf("127.0.0.1:%d", s.livekitPorts[0])
	return nil
}

func (s *servers) writeLiveKitConfig(hooks []string) error {
	if s.livekitPorts == nil {
		if err := s.placeLiveKit(); err != nil {
			return err
		}
	}
	ports := s.livekitPorts
	// A list in JSON is one in YAML.
	urls, err := json.Marshal(hooks)
	if err != nil {
		return err
	}
	s.livekitConfig = filepath.Join(s.folder, "livekit.yaml")
	// A STUN server has to be named, or the participants are sent to a public one; nobody
	// answers at this address, and none is needed on loopback.
	text := fmt.Sprintf(`port: %d
bind_addresses: ["127.0.0.1"]
keys:
  %s: %s
rtc:
  node_ip: 127.0.0.1
  use_external_ip: false
  enable_loopback_candidate: true
  stun_servers: ["127.0.0.1:9"]
  tcp_port: %d
  udp_port: %d
room:
  departure_timeout: %d
  empty_timeout: 5
webhook:
  api_key: %s
  urls: %s
logging:
  json: true
`, ports[0], livekitKey, livekitSecret, ports[1], ports[2], departureTimeoutS, livekitKey, urls)
	return os.WriteFile(s.livekitConfig, []byte(text), 0o600)
}

// ready waits until a GET of the address answers 200.
func ready(ctx context.Context, url string) error {
	deadline := time.Now().Add(15 * time.Second)
	for {
		response, err := http.Get(url)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("status %d", response.StatusCode)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s was never ready: %w", url, err)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// freePorts finds ports that nobody listens on, for TCP and UDP alike.
func freePorts(n int) ([]int, error) {
	var ports []int
	for len(ports) < n {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer tcp.Close()
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer udp.Close()
		ports = append(ports, port)
	}
	return ports, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
