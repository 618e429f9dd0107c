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

// queries are the service's own, by name: the text that sqlc makes Go of.
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

// values are what stands in for a query's parameters.
type values map[string]string

// with is the query with its parameters replaced, all of them and no more.
func (q queries) with(name string, v values) (string, error) {
	text, ok := q[name]
	if !ok {
		return "", fmt.Errorf("there is no query %s", name)
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
		return "", fmt.Errorf("query %s: no value for %v, no use for %v", name, missing, slices.Sorted(maps.Keys(rest)))
	}
	return text, nil
}
