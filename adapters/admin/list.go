package admin

import (
	"context"
	"html/template"
	"net/http"

	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/parameter"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/table"
)

// listing is one list: a table of GoAdmin's, and what stands around it.
type listing struct {
	table   table.Table
	title   string
	hint    string
	empty   string
	filter  string // the template of its filter, if it has one
	data    any    // of the filter
	newPath string // where a new row is made; empty when nobody may
	newText string
	next    func() string // the query of the next page; empty on the last one
	refused string        // why what was asked for cannot be looked up
}

// pageSize is how many rows a list shows.
const pageSize = 50

// sources of lists, by the name that GoAdmin knows a table by.
func (s *server) listing(kind string, v *view, r *http.Request) *listing {
	switch kind {
	case "plans":
		return s.plans(r.Context(), v)
	case "payment_systems":
		return s.systems(r.Context(), v)
	case "users":
		return s.users(r, v)
	case "history":
		return s.history(r, v)
	default:
		return s.audit(r, v)
	}
}

type listPage struct {
	*view
	Filter                        template.HTML
	Table                         template.HTML
	Rows                          int
	Hint, Empty, NewPath, NewText string
	Next, Refused                 string
}

// list shows a list through GoAdmin's data table.
func (s *server) list(kind string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		l := s.listing(kind, v, r)
		page := listPage{view: v, Hint: l.hint, NewText: l.newText, Refused: l.refused}
		var err error
		if l.filter != "" {
			if page.Filter, err = s.part(l.filter, l.data); err != nil {
				return err
			}
		}
		if l.refused == "" {
			info, err := l.table.GetData(goContext(r), parameter.Parameters{})
			if err != nil {
				return err
			}
			page.Rows, page.Empty = len(info.InfoList), l.empty
			page.Table = s.theme.DataTable().SetThead(info.Thead).SetInfoList(info.InfoList).SetNoAction().GetContent()
			if l.next != nil {
				page.Next = l.next()
			}
		}
		if l.table.GetCanAdd() && v.MayEdit() {
			page.NewPath = l.newPath
		}
		status := http.StatusOK
		if l.refused != "" {
			status = http.StatusUnprocessableEntity
		}
		return s.show(w, r, v, status, l.title, "list", page)
	}
}

// each makes a list function of one that gives things, and one that makes a row
// of each.
func each[T any](list func(context.Context) ([]T, error), as func(T) row) func(context.Context) ([]row, error) {
	return func(ctx context.Context) ([]row, error) {
		things, err := list(ctx)
		rows := make([]row, len(things))
		for i, t := range things {
			rows[i] = as(t)
		}
		return rows, err
	}
}
