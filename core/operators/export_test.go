package operators_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// endless is n payments, which it makes while they are read.
type endless struct {
	ports.PaymentViews
	n, calls   int
	base, peak uint64
}

func idOf(i int) billing.PaymentID {
	return billing.PaymentID(fmt.Sprintf("01900000-0000-7000-8000-%012x", i))
}

func indexOf(id billing.PaymentID) (i int) {
	_, _ = fmt.Sscanf(string(id), "01900000-0000-7000-8000-%012x", &i)
	return i
}

func (e *endless) Bound(_ context.Context, s ports.PaymentSpan, n int) (billing.PaymentID, error) {
	if i := indexOf(s.From) + n + 1; i <= e.n {
		return idOf(i), nil
	}
	return "", nil
}

func (e *endless) Payments(_ context.Context, _ ports.PaymentFilter, s ports.PaymentSpan, limit int) ([]ports.PaymentRow, error) {
	last := e.n
	if s.To != "" {
		last = indexOf(s.To)
	}
	var list []ports.PaymentRow
	for i := indexOf(s.From) + 1; i <= last && len(list) < limit; i++ {
		list = append(list, ports.PaymentRow{PlanCode: "basic", Payment: billing.Payment{
			ID: idOf(i), ProviderRef: strings.Repeat("r", 200), Amount: billing.Money{Amount: 100, Currency: "RUB"}, CreatedAt: time.Unix(int64(i), 0),
		}})
	}
	if e.calls++; e.calls%30 == 1 {
		e.measure()
	}
	return list, nil
}

// measure notes the live heap.
func (e *endless) measure() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if e.base == 0 {
		e.base = m.HeapAlloc
	}
	e.peak = max(e.peak, m.HeapAlloc)
}

// lines counts the lines that are written to it.
type lines int

func (l *lines) Write(p []byte) (int, error) {
	*l += lines(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// An export must not hold its records in memory. The test runs before the parallel ones, so
// that the heap is its own.
func TestExport_ConstantMemory(t *testing.T) {
	const n = 300_000
	for name, format := range map[string]func(io.Writer, []operators.Column[ports.PaymentRow]) *operators.RowWriter[ports.PaymentRow]{
		"JSON": operators.NewJSON[ports.PaymentRow], "CSV": operators.NewCSV[ports.PaymentRow],
	} {
		views := &endless{n: n}
		var written lines
		w := format(&written, operators.PaymentColumns)
		err := operators.Export{Views: ports.ExportViews{Payments: views}}.Payments(t.Context(), ports.PaymentFilter{}, ports.PaymentSpan{}, w.Write)
		if err != nil || w.Flush() != nil || written < n || written > n+1 {
			t.Errorf("%s: %d lines, %v, want %d and perhaps a header", name, written, err, n)
		}
		if grown := int64(views.peak) - int64(views.base); grown > 16<<20 {
			t.Errorf("%s: the heap grew by %d KiB, want at most 16 MiB", name, grown>>10)
		}
	}
}

func TestRowWriter(t *testing.T) {
	t.Parallel()
	type record struct {
		text string
		n    int64
		at   time.Time
	}
	columns := []operators.Column[record]{
		{"text", func(r record) any { return r.text }}, {"n", func(r record) any { return r.n }}, {"at", func(r record) any { return r.at }},
		{"yes", func(r record) any { return r.n > 0 }}, {"list", func(r record) any { return []string{"a", "b"} }},
	}
	at := time.Date(2026, 1, 31, 3, 0, 0, 0, time.FixedZone("", 3*3600))
	texts := []string{"plain", `a "quote", a comma`, "two\r\nlines", "=1+1", "+7", "-1", "@SUM(A1)", "\tx", "＝1", "<b>&", "я"}
	var asCSV, asJSON bytes.Buffer
	c, j := operators.NewCSV(&asCSV, columns), operators.NewJSON(&asJSON, columns)
	for _, text := range texts {
		r := record{text, -7, at}
		if c.Write(r) != nil || j.Write(r) != nil {
			t.Fatal("not written")
		}
	}
	if c.Flush() != nil || j.Flush() != nil {
		t.Fatal("not flushed")
	}
	if !strings.HasPrefix(asCSV.String(), "text,n,at,yes,list\r\nplain,-7,2026-01-31T00:00:00Z,false,a b\r\n") {
		t.Errorf("CSV begins with %q", asCSV.String()[:70])
	}
	cells, err := csv.NewReader(&asCSV).ReadAll()
	if err != nil || len(cells) != len(texts)+1 {
		t.Fatalf("%d lines, %v", len(cells), err)
	}
	objects := json.NewDecoder(&asJSON)
	for i, text := range texts {
		got := cells[i+1][0]
		if strings.ContainsAny(got[:1], "=+-@\t") || strings.HasPrefix(got, "＝") {
			t.Errorf("the cell %q is a formula", got)
		}
		if want := strings.ReplaceAll(text, "\r\n", "\n"); strings.TrimPrefix(got, "'") != want { // the reader drops \r
			t.Errorf("cell %q, want %q", got, want)
		}
		var object map[string]any
		if err := objects.Decode(&object); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"text": text, "n": -7.0, "at": "2026-01-31T00:00:00Z", "yes": false, "list": []any{"a", "b"}}
		if diff := cmp.Diff(want, object); diff != "" {
			t.Errorf("JSON (-want +got):\n%s", diff)
		}
	}
	var empty bytes.Buffer
	e := operators.NewJSON(&empty, columns[2:3])
	if err := e.Write(record{}); err != nil || e.Flush() != nil || empty.String() != "{\"at\":null}\n" {
		t.Errorf("a record without a time: %q, %v", empty.String(), err)
	}
}
