package admin

import (
	"bytes"
	"html/template"
	"net/url"
)

// cell is the content of a list's cell. html/template escapes all of it.
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
		panic(err) // a write to a buffer does not fail
	}
	return template.HTML(b.String()) //nolint:gosec // escaped by html/template
}

// HTML returns the cell for a template.
func (c cell) HTML() template.HTML { return c.html() }

func text(s string) template.HTML { return cell{Text: s}.html() }

func code(s string) template.HTML { return cell{Text: s, Code: true}.html() }

func badge(kind, s string) template.HTML { return cell{Badge: kind, Text: s}.html() }

// archiveBadge shows whether a record is archived. inUseText is shown if it is not.
func (v *view) archiveBadge(inUse bool, inUseText string) template.HTML {
	if inUse {
		return badge("ok", inUseText)
	}
	return badge("off", v.T("archived"))
}

func chips(list []string) template.HTML {
	var all template.HTML
	for _, s := range list {
		all += badge("chip", s) + " "
	}
	return all
}

// link returns a URL of the panel. query holds names and values in turn; empty
// values are left out.
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

// actions returns the links at the end of a row.
func actions(links ...cell) template.HTML {
	var all template.HTML
	for _, l := range links {
		all += l.html() + " "
	}
	return `<span class="row-actions">` + all + `</span>`
}

// editAndArchive returns the links of a record: to its form, and into the archive or out
// of it.
func (v *view) editAndArchive(kind, id string, inUse bool) []cell {
	edit := cell{Text: v.T("edit"), Href: link("/info/"+kind+"/edit", "id", id)}
	if !inUse {
		return []cell{edit, {Text: v.T("restore"), Href: link("/info/"+kind+"/restore", "id", id)}}
	}
	return []cell{edit, {Text: v.T("archive"), Href: link("/info/"+kind+"/delete", "id", id), Danger: true}}
}
