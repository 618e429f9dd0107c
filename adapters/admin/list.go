package admin

import (
	"cmp"
	"context"
	"html/template"
	"net/http"

	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/parameter"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/table"
)

// listing is a list page: a GoAdmin table and the parts around it.
type listing struct {
	table      table.Table
	title      string
	hint       string
	empty      string        // shown if the table has no rows
	filter     string        // name of the filter's template; empty if there is no filter
	filterData any           // data of the filter's template
	newPath    string        // page that adds a record; empty if the list is read-only
	newText    string        // text of the link to newPath
	next       func() string // link to the next page, or "" on the last one; call it after table.GetData
	newer      func() string // link to the previous page, or "" on the first one; call it after table.GetData
	note       string        // shown above the table, or ""; read it after table.GetData
	newest     string        // link to the first page, or "" on it
	count      string        // number of rows on all pages, or ""; read it after table.GetData
	nextText   string        // text of the link to the next page; "" means older
	firstText  string        // text of the link to the first page; "" means newest
	refused    string        // why the query is invalid; the table is then not read
}

// pageSize is the number of rows on a page of a list.
const pageSize = 50

type listPage struct {
	*view
	Filter                        template.HTML
	Table                         template.HTML
	Rows                          int
	Hint, Empty, NewPath, NewText string
	Next, Newer, Newest           string
	NextText, FirstText           string
	Count, Note, Refused          string
}

// list draws a list with GoAdmin's data table.
func (s *server) list(of func(*http.Request, *view) *listing) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		l := of(r, v)
		page := listPage{
			view: v, Hint: l.hint, NewText: l.newText, Refused: l.refused,
			NextText: cmp.Or(l.nextText, v.T("older")), FirstText: cmp.Or(l.firstText, v.T("newest")),
		}
		var err error
		if l.filter != "" {
			if page.Filter, err = s.renderPart(l.filter, l.filterData); err != nil {
				return err
			}
		}
		status := http.StatusUnprocessableEntity
		if l.refused == "" {
			status = http.StatusOK
			info, err := l.table.GetData(goContext(r), parameter.Parameters{})
			if err != nil {
				return err
			}
			page.Rows, page.Empty = len(info.InfoList), l.empty
			page.Table = s.theme.DataTable().SetThead(info.Thead).SetInfoList(info.InfoList).SetNoAction().GetContent()
			if l.next != nil {
				page.Next = l.next()
			}
			if l.newer != nil {
				page.Newer = l.newer()
			}
			page.Newest, page.Count, page.Note = l.newest, l.count, l.note
		}
		if v.MayEdit() {
			page.NewPath = l.newPath
		}
		return s.renderPage(w, r, v, status, l.title, "list", page)
	}
}

// mapRows returns a function that reads items and converts each to a row.
func mapRows[T any](read func(context.Context) ([]T, error), toRow func(T) row) func(context.Context) ([]row, error) {
	return func(ctx context.Context) ([]row, error) {
		items, err := read(ctx)
		rows := make([]row, len(items))
		for i, item := range items {
			rows[i] = toRow(item)
		}
		return rows, err
	}
}
