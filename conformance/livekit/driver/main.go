// Command driver checks whowas against a real LiveKit server.
//
// It has four parts, one subcommand each:
//
//	driver check        starts whowas and livekit-server, lets real participants come and go,
//	                    asks ListUserInfo through the official Volcengine SDK and compares
//	driver record       the same session against a plain recorder in place of whowas:
//	                    writes every webhook as it came, one JSON object a line
//	driver outage       two whowas, both down for longer than LiveKit tries to deliver: one asks
//	                    LiveKit afterwards who is there, one does not
//	driver participant  one participant in a process of its own (started by the others)
//
// Read scenario.go first: it tells who does what and what must come out of it; outage.go for itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The whole session, both servers included, has to be over by then.
const (
	sessionMax = 90 * time.Second
	outageMax  = 150 * time.Second
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: driver check|record|outage|participant [flags]")
	}
	if os.Args[1] == "participant" {
		participate()
		return
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	livekitBin := flags.String("livekit", "", "the livekit-server binary")
	whowasBin := flags.String("whowas", "", "the whowas binary (check)")
	folder := flags.String("folder", "", "an empty folder for configs, logs and data")
	out := flags.String("out", "", "where the webhooks are written (record)")
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	longest := sessionMax
	if os.Args[1] == "outage" {
		longest = outageMax
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()

	servers := &servers{folder: *folder, livekitBin: *livekitBin, whowasBin: *whowasBin}
	var failed int
	var err error
	switch os.Args[1] {
	case "check":
		failed = check(ctx, servers)
	case "outage":
		failed = outage(ctx, servers)
	case "record":
		err = record(ctx, servers, *out)
	default:
		err = fmt.Errorf("no such subcommand: %s", os.Args[1])
	}
	servers.stop()
	if err != nil {
		fail(err)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func fail(reason any) {
	fmt.Fprintln(os.Stderr, "driver:", reason)
	os.Exit(1)
}
