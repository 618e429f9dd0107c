package operators

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Export reads records for spreadsheets and programs, the oldest first. It reads pages, so
// neither its memory nor the age of a snapshot grows with the number of records.
type Export struct {
	Views ports.ExportViews
}

// exportPage is the number of records that one query reads.
const exportPage = 2000

// Payments calls each for the payments that match a filter, in the order of their ids. s is
// the span that can have them.
func (x Export) Payments(ctx context.Context, f ports.PaymentFilter, s ports.PaymentSpan, each func(ports.PaymentRow) error) error {
	s.Ascending = true
	for {
		end, err := x.Views.Payments.Bound(ctx, s, exportPage-1)
		if err != nil {
			return err
		}
		part := s
		if end != "" {
			part.To = end
		}
		list, err := x.Views.Payments.Payments(ctx, f, part, exportPage)
		if err != nil {
			return err
		}
		if err := forEach(list, each); err != nil || end == "" {
			return err
		}
		s.From = end
	}
}

// Windows of the history. A window with more events than a page makes the next one smaller,
// so that a query sorts few events even if a run has appended hundreds of thousands.
const (
	leastEvents = time.Second
	mostEvents  = 90 * 24 * time.Hour
	eventsGrow  = 16
)

// Events calls each for the events from since (inclusive) to until (exclusive), in the order
// of their times.
func (x Export) Events(ctx context.Context, since, until time.Time, each func(billing.Event) error) error {
	var after billing.EventID
	for window := time.Minute; since.Before(until); {
		end := since.Add(window)
		if end.After(until) {
			end = until
		}
		list, err := x.Views.Events.EventsAfter(ctx, since, end, after, exportPage)
		if err != nil {
			return err
		}
		if err := forEach(list, each); err != nil {
			return err
		}
		switch {
		case len(list) == exportPage:
			last := list[len(list)-1]
			since, after = last.At, last.ID
			window = max(leastEvents, window/eventsGrow)
			continue
		case len(list) < exportPage/eventsGrow:
			window = min(mostEvents, window*eventsGrow)
		}
		since, after = end, ""
	}
	return nil
}

// Subscriptions calls each for the subscriptions that were created from since (inclusive) to
// until (exclusive), by user.
func (x Export) Subscriptions(ctx context.Context, since, until time.Time, each func(ports.SubscriptionRow) error) error {
	f := ports.SubscriptionFilter{Since: since, Until: until}
	var from ports.SubscriptionKey
	for {
		end, err := x.Views.Subscriptions.Bound(ctx, from, exportPage-1)
		if err != nil {
			return err
		}
		list, err := x.Views.Subscriptions.Subscriptions(ctx, f, from, end, exportPage)
		if err != nil {
			return err
		}
		if err := forEach(list, each); err != nil || end == (ports.SubscriptionKey{}) {
			return err
		}
		from = end
	}
}

func forEach[T any](list []T, each func(T) error) error {
	for _, item := range list {
		if err := each(item); err != nil {
			return err
		}
	}
	return nil
}

// Column is a column of an export. Its name is stable. A value is a string, an int64, a
// bool, a [time.Time] (zero for none) or a list of strings.
type Column[T any] struct {
	Name  string
	Value func(T) any
}

// RowWriter writes records as lines.
type RowWriter[T any] struct {
	out     *bufio.Writer
	csv     *csv.Writer // nil for JSON
	columns []Column[T]
	cells   []string
	value   *bytes.Buffer // the JSON of one value
	encoder *json.Encoder // into value
}

// NewCSV returns a writer of CSV (RFC 4180) with a header line. No spreadsheet takes a cell
// for a formula: a cell that begins like one gets an apostrophe in front.
func NewCSV[T any](w io.Writer, columns []Column[T]) *RowWriter[T] {
	out := bufio.NewWriter(w)
	r := &RowWriter[T]{out: out, csv: csv.NewWriter(out), columns: columns, cells: make([]string, len(columns))}
	r.csv.UseCRLF = true
	for i, c := range columns {
		r.cells[i] = c.Name
	}
	_ = r.csv.Write(r.cells) // Flush returns the error
	return r
}

// NewJSON returns a writer of JSON objects, one per line.
func NewJSON[T any](w io.Writer, columns []Column[T]) *RowWriter[T] {
	var value bytes.Buffer
	encoder := json.NewEncoder(&value)
	encoder.SetEscapeHTML(false)
	return &RowWriter[T]{out: bufio.NewWriter(w), columns: columns, value: &value, encoder: encoder}
}

// Write writes a record.
func (w *RowWriter[T]) Write(record T) error {
	if w.csv != nil {
		for i, c := range w.columns {
			w.cells[i] = cellOf(c.Value(record))
		}
		return w.csv.Write(w.cells)
	}
	for i, c := range w.columns {
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		_ = w.out.WriteByte(before) // a later write returns the error
		if err := w.writeMember(c.Name, c.Value(record)); err != nil {
			return err
		}
	}
	_, err := w.out.WriteString("}\n")
	return err
}

func (w *RowWriter[T]) writeMember(name string, value any) error {
	if at, ok := value.(time.Time); ok {
		if value = at.UTC(); at.IsZero() {
			value = nil
		}
	}
	w.value.Reset()
	if err := w.encoder.Encode(value); err != nil {
		return err
	}
	_, _ = w.out.WriteString(`"` + name + `":`) // the next write returns the error
	_, err := w.out.Write(bytes.TrimSuffix(w.value.Bytes(), []byte("\n")))
	return err
}

// Flush writes the buffered lines.
func (w *RowWriter[T]) Flush() error {
	if w.csv != nil {
		w.csv.Flush()
		if err := w.csv.Error(); err != nil {
			return err
		}
	}
	return w.out.Flush()
}

// cellOf returns the text of a value in a CSV file.
func cellOf(value any) string {
	switch v := value.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339Nano)
	case []string:
		return harmless(strings.Join(v, " "))
	case string:
		return harmless(v)
	}
	return ""
}

// formulaStarts are the characters with which spreadsheets begin a formula (OWASP, CSV
// Injection), with their full-width forms.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

func harmless(cell string) string {
	if cell != "" && strings.ContainsRune(formulaStarts, []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}
