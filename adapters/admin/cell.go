package admin

import (
	"bytes"
	"html/template"
	"net/url"
)

// part renders a template within a page.
func (s *server) part(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	err := s.pages.ExecuteTemplate(&b, name, data)
	return template.HTML(b.String()), err //nolint:gosec // html/template made it
}

// cell is what a cell of a list shows. Whatever it holds is escaped by
// html/template.
type cell struct {
	Text, Sub, Href, Badge, Title string
	Danger, Muted, Code           bool
}

var cellTemplate = template.Must(template.New("cell").Parse(
	`{{if .Badge}}<span class="badge-{{.Badge}} badge-cb">{{.Text}}</span>` +
		`{{else if .Href}}<a href="{{.Href}}"{{if .Title}} title="{{.Title}}"{{end}}{{if .Danger}} class="danger"{{end}}{{if .Code}} class="code"{{end}}>{{.Text}}</a>` +
		`{{else if .Code}}<code>{{.Text}}</code>` +
		`{{else if .Muted}}<span class="muted">{{.Text}}</span>` +
		`{{else}}{{.Text}}{{end}}{{if .Sub}}<small>{{.Sub}}</small>{{end}}`))

func (c cell) html() template.HTML {
	var b bytes.Buffer
	if err := cellTemplate.Execute(&b, c); err != nil {
		panic(err) // it writes to memory
	}
	return template.HTML(b.String()) //nolint:gosec // html/template made it
}

func text(s string) template.HTML { return cell{Text: s}.html() }

func code(s string) template.HTML { return cell{Text: s, Code: true}.html() }

func badge(kind, s string) template.HTML { return cell{Badge: kind, Text: s}.html() }

// link is a path of the panel with a query.
func link(path string, query ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			q.Set(query[i], query[i+1])
		}
	}
	if len(q) == 0 {
		return Prefix + path
	}
	return Prefix + path + "?" + q.Encode()
}

// actions are the links at the end of a row.
func actions(links ...cell) template.HTML {
	var all template.HTML
	for _, l := range links {
		all += l.html() + " "
	}
	return `<span class="row-actions">` + all + `</span>`
}
