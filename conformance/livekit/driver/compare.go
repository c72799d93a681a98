package main

// One row of the answer against what one person did.

import (
	"fmt"
	"strings"
	"time"
)

const tolerance = 2 * time.Second

// near tells whether a time of the answer (whole seconds) lies within a moment, with tolerance.
func near(what, got string, want moment) string {
	at, err := time.Parse(time.RFC3339, got)
	if err != nil {
		return fmt.Sprintf("%s: %q is no time", what, got)
	}
	if !strings.HasSuffix(got, "+08:00") || strings.Contains(got, ".") {
		return fmt.Sprintf("%s: %q is not in whole seconds of +08:00", what, got)
	}
	if at.Before(want.from.Add(-tolerance)) || at.After(want.to.Add(tolerance)) {
		return fmt.Sprintf("%s: got %s, want %s to %s", what, at.UTC().Format(time.TimeOnly),
			want.from.UTC().Format(time.TimeOnly+".000"), want.to.UTC().Format(time.TimeOnly+".000"))
	}
	return ""
}

func (s *stay) row(rows []*row) (*row, int) {
	var found *row
	n := 0
	for _, r := range rows {
		if text(r.UserID) == s.user && text(r.CallID) == s.callID {
			found = r
			n++
		}
	}
	return found, n
}

func (s *stay) there() bool { return s.intervals[len(s.intervals)-1].leave == nil }

func (s *stay) compare(r *report, rows []*row, asked time.Time) {
	who := fmt.Sprintf("%s in %s (%s)", s.user, s.room, s.callID)
	got, n := s.row(rows)
	r.that(who+": one row, under the room's sid", same("rows", n, 1))
	if got == nil {
		return
	}
	r.that(who+": its room", same("RoomId", text(got.RoomID), s.room))
	r.that(fmt.Sprintf("%s: %d connection(s), join and leave in turns, at the right times", who, len(s.intervals)),
		s.compareRecord(got)...)
	r.that(who+": Duration", s.compareDuration(got, asked)...)
	r.that(who+": CreatedAt, LeaveAt, Finished", s.compareEnds(got)...)
	r.that(who+": Pub", same("Pub", yes(got.Pub), s.pub), same("Pub is there", got.Pub != nil, true))
	r.that(who+": OS, DeviceType, SdkVersion, Access",
		same("OS", text(got.OS), s.client.os),
		same("DeviceType", text(got.DeviceType), s.client.device),
		same("SdkVersion", text(got.SdkVersion), s.client.sdk),
		same("Access", text(got.Access), s.client.access))
}

func (s *stay) compareRecord(got *row) []string {
	type entry struct {
		kind string
		at   moment
	}
	var want []entry
	for _, i := range s.intervals {
		want = append(want, entry{"join_room", i.join})
		if i.leave != nil {
			want = append(want, entry{"leave_room", *i.leave})
		}
	}
	if len(got.Record) != len(want) {
		return []string{fmt.Sprintf("Record: got %s, want %d entries", entries(got), len(want))}
	}
	var faults []string
	for i, w := range want {
		what := fmt.Sprintf("Record[%d]", i)
		faults = append(faults, same(what+".Type", text(got.Record[i].Type), w.kind),
			near(what+".Time", text(got.Record[i].Time), w.at))
	}
	return faults
}

func entries(got *row) string {
	var told []string
	for _, e := range got.Record {
		told = append(told, text(e.Type)+" "+text(e.Time))
	}
	return "[" + strings.Join(told, ", ") + "]"
}

func (s *stay) compareEnds(got *row) []string {
	last := s.intervals[len(s.intervals)-1]
	faults := []string{
		near("CreatedAt", text(got.CreatedAt), s.intervals[0].join),
		same("Finished", yes(got.Finished), last.leave != nil),
		same("Finished is there", got.Finished != nil, true),
	}
	if last.leave == nil {
		return append(faults, same("LeaveAt", text(got.LeaveAt), ""))
	}
	return append(faults, near("LeaveAt", text(got.LeaveAt), *last.leave))
}

// compareDuration checks it against the driver's own clock, and, to the second, against Record.
func (s *stay) compareDuration(got *row, asked time.Time) []string {
	var shortest, longest time.Duration
	for _, i := range s.intervals {
		leave := moment{asked, asked}
		if i.leave != nil {
			leave = *i.leave
		}
		shortest += leave.from.Sub(i.join.to) - tolerance
		longest += leave.to.Sub(i.join.from) + tolerance
	}
	duration := time.Duration(number(got.Duration)) * time.Second
	var faults []string
	if duration < shortest || duration > longest {
		faults = append(faults, fmt.Sprintf("Duration: got %v, want %v to %v", duration, shortest, longest))
	}
	if !s.there() {
		faults = append(faults, same("Duration, against Record", number(got.Duration), union(got)))
	}
	return faults
}

// union is how many seconds at least one connection of the Record was open.
func union(got *row) int64 {
	var total, open int64
	var covered int64
	for _, e := range got.Record {
		at, err := time.Parse(time.RFC3339, text(e.Time))
		if err != nil {
			return -1
		}
		if text(e.Type) == "join_room" {
			open = max(at.Unix(), covered)
			continue
		}
		total += max(at.Unix()-open, 0)
		covered = max(at.Unix(), covered)
	}
	return total
}
