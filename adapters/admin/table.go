package admin

import (
	"context"
	"html/template"
	"strings"

	gocontext "github.com/GoAdminGroup/go-admin/context"
	"github.com/GoAdminGroup/go-admin/modules/db"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/form"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/parameter"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/table"
	"github.com/GoAdminGroup/go-admin/template/types"
)

// source is a table of GoAdmin's over use cases instead of SQL. What it has no
// function for cannot be done: that is what makes a list read-only, not a
// button that is missing.
type source struct {
	*table.BaseTable
	ctx    context.Context
	list   func(ctx context.Context) ([]row, error)
	insert func(ctx context.Context, values form.Values) error
	update func(ctx context.Context, values form.Values) error
	remove func(ctx context.Context, id string) error
}

var _ table.Table = (*source)(nil)

// row is one row of a list: what it shows in each column, safe as it is.
type row map[string]template.HTML

// column is a column of a list. One without a head is for actions.
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

// GetCanAdd, GetEditable and GetDeletable say what there are functions for.
func (s *source) GetCanAdd() bool    { return s.insert != nil }
func (s *source) GetEditable() bool  { return s.update != nil }
func (s *source) GetDeletable() bool { return s.remove != nil }

// GetExportable says no: whole tables are for reports, not for a page.
func (s *source) GetExportable() bool { return false }

// GetData returns the rows that the use case gives. Whatever GoAdmin's parameters
// say is not looked at: the page has read its own query.
func (s *source) GetData(*gocontext.Context, parameter.Parameters) (table.PanelInfo, error) {
	rows, err := s.list(s.ctx)
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

// GetDataWithIds is refused: nothing is exported.
func (s *source) GetDataWithIds(*gocontext.Context, parameter.Parameters) (table.PanelInfo, error) {
	return table.PanelInfo{}, errReadOnly
}

// GetDataWithId is refused: forms are our own pages.
func (s *source) GetDataWithId(parameter.Parameters) (table.FormInfo, error) { //nolint:staticcheck // GoAdmin calls it so
	return table.FormInfo{}, errReadOnly
}

// InsertData adds what a form says.
func (s *source) InsertData(_ *gocontext.Context, values form.Values) error {
	if s.insert == nil {
		return errReadOnly
	}
	return s.insert(s.ctx, values)
}

// UpdateData changes what a form says. Changing a single cell of a list is
// refused: nobody could say what the person saw.
func (s *source) UpdateData(_ *gocontext.Context, values form.Values) error {
	if s.update == nil || values.IsSingleUpdatePost() {
		return errReadOnly
	}
	return s.update(s.ctx, values)
}

// DeleteData deletes one thing. Several at once, as GoAdmin would ask, are
// refused.
func (s *source) DeleteData(id string) error {
	if s.remove == nil || strings.Contains(id, ",") {
		return errReadOnly
	}
	return s.remove(s.ctx, id)
}

// GetNewFormInfo is empty: forms are our own pages.
func (s *source) GetNewFormInfo() table.FormInfo { return table.FormInfo{} }

// Copy returns the same table.
func (s *source) Copy() table.Table { c := *s; return &c }
