package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// report is the output of one call of the program.
type report struct {
	Machine  machine           `json:"machine"`
	Options  options           `json:"options"`
	Settings map[string]string `json:"postgres"`
	Sections []section         `json:"sections"`
}

// section is the result of one part.
type section struct {
	Name       string        `json:"name"`
	Title      string        `json:"title"`
	At         time.Time     `json:"at"`
	Took       time.Duration `json:"took_ns"`
	LoadBefore float64       `json:"load_before"`
	OtherCPU   float64       `json:"used_by_others"` // share of the processors, median of the runs
	Judged     bool          `json:"judged"`
	Targets    []target      `json:"targets,omitempty"`
	Table      table         `json:"table"`
	Notes      []string      `json:"notes,omitempty"`
	Raw        any           `json:"raw,omitempty"`
}

// target is a bound for a figure.
type target struct {
	Name   string  `json:"name"`
	What   string  `json:"what"`
	AtMost bool    `json:"at_most"` // otherwise at least
	Want   float64 `json:"want"`
	Got    spread  `json:"got"`
	Unit   string  `json:"unit,omitempty"`
}

func atLeast(name, what string, want float64, got spread) target {
	return target{Name: name, What: what, Want: want, Got: got}
}

func atMost(name, what string, want float64, unit string, got spread) target {
	return target{Name: name, What: what, AtMost: true, Want: want, Unit: unit, Got: got}
}

// exactly is a spread of one figure.
func exactly(value float64) spread { return spread{value, value, value} }

func (t target) met() bool {
	if t.AtMost {
		return t.Got.Median <= t.Want
	}
	return t.Got.Median >= t.Want
}

type table struct {
	Head []string   `json:"head"`
	Rows [][]string `json:"rows"`
}

func (t *table) add(cells ...string) { t.Rows = append(t.Rows, cells) }

// met reports whether every judged target was met.
func (r report) met() bool {
	for _, s := range r.Sections {
		for _, t := range s.Targets {
			if s.Judged && !t.met() {
				return false
			}
		}
	}
	return true
}

func (r report) write(dir, kind string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, kind+".json"), text, 0o644),
		os.WriteFile(filepath.Join(dir, kind+".md"), []byte(r.markdown()), 0o644))
}

func (r report) markdown() string {
	var b strings.Builder
	m, s := r.Machine, r.Settings
	_, _ = fmt.Fprintf(&b, "%d × %s, %.0f GiB, %s, %s, Postgres %s (fsync %s, synchronous_commit %s, full_page_writes %s, shared_buffers %s); "+
		"%d subscriptions, %d due at a time, %d pairs\n",
		m.CPUs, m.Processor, m.MemoryGiB, m.System, m.Go, s["server_version"], s["fsync"], s["synchronous_commit"],
		s["full_page_writes"], s["shared_buffers"], r.Options.Rows, r.Options.Due, r.Options.Pairs)
	for _, s := range r.Sections {
		_, _ = fmt.Fprintf(&b, "\n### %s\n\n", s.Title)
		_, _ = fmt.Fprintf(&b, "%s, load %.1f before, other processes used %.0f %% of the processors%s\n\n",
			s.At.Format("2006-01-02 15:04 MST"), s.LoadBefore, 100*s.OtherCPU, s.remark())
		if len(s.Targets) > 0 {
			b.WriteString(s.targets().String() + "\n")
		}
		b.WriteString(s.Table.String())
		for _, n := range s.Notes {
			b.WriteString("\n" + n + "\n")
		}
	}
	return b.String()
}

func (s section) remark() string {
	if s.Judged {
		return ""
	}
	return ": not judged"
}

func (s section) targets() table {
	t := table{Head: []string{"", "figure", "target", "measured (min–max)", ""}}
	for _, x := range s.Targets {
		sign, verdict := "≥", "met"
		if x.AtMost {
			sign = "≤"
		}
		if !x.met() {
			verdict = "**missed**"
		}
		if !s.Judged {
			verdict = "not judged"
		}
		t.add(x.Name, x.What, sign+" "+figure(x.Want)+x.Unit, x.Got.String()+x.Unit, verdict)
	}
	return t
}

func (s spread) String() string {
	if s.Min == s.Max {
		return figure(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", figure(s.Median), figure(s.Min), figure(s.Max))
}

// figure formats v with about three significant digits.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// String formats the table as Markdown, aligned for a terminal too.
func (t table) String() string {
	if len(t.Head) == 0 {
		return ""
	}
	width := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	line := func(cells []string, pad string) {
		for i, cell := range cells {
			b.WriteString("| " + cell + strings.Repeat(pad, width[i]-len([]rune(cell))) + " ")
		}
		b.WriteString("|\n")
	}
	line(t.Head, " ")
	line(make([]string, len(t.Head)), "-")
	for _, row := range t.Rows {
		line(row, " ")
	}
	return b.String()
}
