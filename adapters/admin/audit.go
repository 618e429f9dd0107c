package admin

import (
	"bytes"
	"context"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (s *server) audit(r *http.Request, v *view) *listing {
	q := r.URL.Query()
	before := q.Get("before")
	f := auditFilter{v, q.Get("operator"), q.Get("object"), q.Get("from"), q.Get("to")}
	filter := ports.AuditFilter{Operator: strings.TrimSpace(f.Operator), Object: strings.TrimSpace(f.Object)}
	var since, until bool
	filter.Since, since = s.parseDay(f.From, 0)
	filter.Until, until = s.parseDay(f.To, 1)
	src := newSource(r.Context(), column{"at", v.T("audit.at")}, column{"who", v.T("audit.who")},
		column{"what", v.T("audit.what")}, column{"object", v.T("audit.object")}, column{"change", v.T("audit.change")})
	var last string
	src.rows = mapRows(func(ctx context.Context) ([]ports.AuditEntry, error) {
		list, next, err := s.Panel.Audit(ctx, v.op, filter, before, pageSize)
		last = next
		return list, err
	}, v.auditRow)
	l := &listing{
		table: src, title: v.T("menu.audit"), hint: v.T("audit.hint"), empty: v.T("audit.empty"), filter: "filter_audit", filterData: f,
		next: func() string {
			if last == "" {
				return ""
			}
			return f.link("before", last)
		},
	}
	switch {
	case !since || !until:
		l.refused = v.T("history.bad_date")
	case before != "" && !billing.IsID(before):
		l.refused = v.T("error.bad_request")
	case before != "":
		l.newest = f.link()
	}
	return l
}

type auditFilter struct {
	*view
	Operator, Object, From, To string
}

func (f auditFilter) link(more ...string) string {
	return link("/info/audit", append([]string{"operator", f.Operator, "object", f.Object, "from", f.From, "to", f.To}, more...)...)
}

func (v *view) auditRow(e ports.AuditEntry) row {
	operator, object := cell{Text: e.Operator, Sub: e.From}, code(e.Object)
	if e.Operator == operators.Anonymous {
		operator.Text = v.T("audit.anonymous")
	}
	if e.Object == "" {
		object = cell{Text: v.T("audit.unknown_user"), Muted: true}.html()
	}
	return row{
		"at": v.Time(e.At), "who": operator.html(), "what": text(v.Word("action", e.Action)),
		"object": object, "change": v.changes(e),
	}
}

// change is a field whose value changed. Before is empty if the record is new, and
// After if it was deleted.
type change struct{ Name, Before, After string }

var changesTemplate = template.Must(template.New("changes").Parse(
	`<ul class="changes">{{range .}}<li><b>{{.Name}}</b> {{if .Before}}<del>{{.Before}}</del>{{end}}` +
		`{{if and .Before .After}} → {{end}}{{if .After}}<ins>{{.After}}</ins>{{end}}</li>{{end}}</ul>`))

func (v *view) changes(e ports.AuditEntry) template.HTML {
	var list []change
	names := maps.Clone(e.After)
	if names == nil {
		names = ports.Facts{}
	}
	maps.Copy(names, e.Before)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before, after := e.Before[name], e.After[name]; before != after {
			list = append(list, change{v.Word("field", name), v.factText(name, before), v.factText(name, after)})
		}
	}
	if len(list) == 0 {
		return ""
	}
	var b bytes.Buffer
	if err := changesTemplate.Execute(&b, list); err != nil {
		panic(err) // a write to a buffer does not fail
	}
	return template.HTML(b.String()) //nolint:gosec // escaped by html/template
}

// factText formats a value of the audit. Prices, roles and times are stored in the
// form of programs; it returns them in the operator's language and time zone.
func (v *view) factText(name, value string) string {
	amount, currency, isMoney := strings.Cut(value, " ")
	if m, err := billing.ParseMoney(amount, billing.Currency(currency)); name == "price" && isMoney && err == nil {
		return v.Money(m)
	}
	if name == "role" {
		return v.Word("role", value)
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil && name != "code" && name != "name" {
		return v.dateTime(t)
	}
	return value
}
