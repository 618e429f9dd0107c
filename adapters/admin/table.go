package admin

import (
	"context"
	"html/template"

	gocontext "github.com/GoAdminGroup/go-admin/context"
	"github.com/GoAdminGroup/go-admin/modules/db"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/form"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/parameter"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/table"
	"github.com/GoAdminGroup/go-admin/template/types"
)

// source is a read-only GoAdmin table whose rows come from a use case instead of
// SQL. Every other method returns errReadOnly: forms and changes are handled by
// our own pages.
type source struct {
	*table.BaseTable
	ctx  context.Context
	rows func(ctx context.Context) ([]row, error)
}

var _ table.Table = (*source)(nil)

// row is a row of a list: the HTML of each cell by the column's field.
type row map[string]template.HTML

// column is a column of a list. Only screen readers see the head of the column
// actions.
type column struct{ field, head string }

func newSource(ctx context.Context, columns ...column) *source {
	info := types.NewInfoPanel(nil, "id")
	for _, c := range columns {
		info.AddField(c.head, c.field, db.Varchar)
	}
	return &source{ctx: ctx, BaseTable: &table.BaseTable{
		Info: info, Form: types.NewFormPanel(), NewForm: types.NewFormPanel(), Detail: types.NewInfoPanel(nil, "id"),
		PrimaryKey: table.PrimaryKey{Type: db.Varchar, Name: "id"},
	}}
}

// GetData returns the rows of the use case. It ignores GoAdmin's parameters: the
// page has parsed the query already.
func (s *source) GetData(*gocontext.Context, parameter.Parameters) (table.PanelInfo, error) {
	rows, err := s.rows(s.ctx)
	if err != nil {
		return table.PanelInfo{}, err
	}
	info := table.PanelInfo{}
	for _, f := range s.Info.FieldList {
		info.Thead = append(info.Thead, types.TheadItem{Head: f.Head, Field: f.Field})
	}
	for _, r := range rows {
		cells := make(map[string]types.InfoItem, len(r))
		for field, content := range r {
			cells[field] = types.InfoItem{Content: content}
		}
		info.InfoList = append(info.InfoList, cells)
	}
	return info, nil
}

// GetDataWithIds returns errReadOnly: the panel exports no tables.
func (s *source) GetDataWithIds(*gocontext.Context, parameter.Parameters) (table.PanelInfo, error) {
	return table.PanelInfo{}, errReadOnly
}

// GetDataWithId returns errReadOnly.
func (s *source) GetDataWithId(parameter.Parameters) (table.FormInfo, error) { //nolint:staticcheck // GoAdmin's name
	return table.FormInfo{}, errReadOnly
}

// InsertData returns errReadOnly.
func (s *source) InsertData(*gocontext.Context, form.Values) error { return errReadOnly }

// UpdateData returns errReadOnly.
func (s *source) UpdateData(*gocontext.Context, form.Values) error { return errReadOnly }

// DeleteData returns errReadOnly.
func (s *source) DeleteData(string) error { return errReadOnly }

// GetNewFormInfo returns an empty form.
func (s *source) GetNewFormInfo() table.FormInfo { return table.FormInfo{} }

// Copy returns a shallow copy of the table.
func (s *source) Copy() table.Table { c := *s; return &c }
