package main

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/online-cinema/billing/db"
)

// queries holds the queries of the service by name, as in the input of sqlc.
type queries map[string]string

var (
	queryName = regexp.MustCompile(`^-- name: (\w+) :\w+$`)
	embedded  = regexp.MustCompile(`sqlc\.embed\((\w+)\)`)
	parameter = regexp.MustCompile(`@(\w+)`)
)

func readQueries() (queries, error) {
	files, err := fs.Glob(db.Queries, "queries/*.sql")
	if err != nil {
		return nil, err
	}
	all := make(queries)
	for _, file := range files {
		text, err := fs.ReadFile(db.Queries, file)
		if err != nil {
			return nil, err
		}
		name := ""
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\n")
			switch found := queryName.FindStringSubmatch(line); {
			case found != nil:
				name = found[1]
			case !strings.HasPrefix(line, "--"):
				all[name] += strings.TrimSuffix(line, ";") + "\n"
			}
		}
	}
	return all, nil
}

// values maps the parameters of a query to SQL.
type values map[string]string

// with returns a query with its parameters replaced. It fails unless v has exactly
// the parameters of the query.
func (q queries) with(name string, v values) (string, error) {
	text, ok := q[name]
	if !ok {
		return "", fmt.Errorf("no query %s", name)
	}
	rest := maps.Clone(v)
	var missing []string
	text = embedded.ReplaceAllString(strings.TrimSpace(text), "$1.*")
	text = parameter.ReplaceAllStringFunc(text, func(at string) string {
		value, ok := v[at[1:]]
		if !ok {
			missing = append(missing, at)
		}
		delete(rest, at[1:])
		return value
	})
	if len(missing) > 0 || len(rest) > 0 {
		return "", fmt.Errorf("query %s: no value for the parameters %v, no parameter for the values %v", name, missing, slices.Sorted(maps.Keys(rest)))
	}
	return text, nil
}

// and returns v with one more parameter.
func (v values) and(name, value string) values { return v.with(values{name: value}) }

func (v values) with(more values) values {
	all := maps.Clone(v)
	maps.Copy(all, more)
	return all
}

// script builds the text of a pgbench script. err is the first error.
type script struct {
	queries queries
	text    strings.Builder
	err     error
}

func (s *script) add(text string) { s.text.WriteString(text) }

func (s *script) query(name string, v values) { s.add(s.take(name, v)) }

// statement adds a query as a statement.
func (s *script) statement(name string, v values) {
	s.query(name, v)
	s.add(";\n")
}

// clauses adds a query that begins with WITH to a WITH list that has begun already.
// A WITH that changes rows must be at the top level.
func (s *script) clauses(name string, v values) { s.add(strings.TrimPrefix(s.take(name, v), "WITH ")) }

func (s *script) take(name string, v values) string {
	text, err := s.queries.with(name, v)
	if s.err == nil {
		s.err = err
	}
	return text
}
