package boot

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Load reads a configuration of type T from an environment, as [os.Environ]
// gives it. The error is a [ConfigError].
//
// Besides the tags of the env package a field has "help", its description for
// --help; "must", the valid values, as a phrase that begins with "be"; and
// "helpDefault" where the default depends on other variables.
//
// An empty variable counts as not set. If the field has the tag "empty", it counts as the
// value of that tag. A secret may stand in a file instead: the
// same variable with _FILE at its end holds the path.
func Load[T any](environ []string) (T, error) {
	var cfg T
	fields := fieldsOf(&cfg)
	vars := nonEmpty(environ, fields)
	var f faults
	for _, field := range fields {
		if field.secret {
			f.readFile(vars, field.key)
		}
	}
	err := env.ParseWithOptions(&cfg, env.Options{Environment: vars})
	f.translate(err, vars, fields)
	if c, ok := any(cfg).(checker); ok {
		c.check(&f)
	}
	return cfg, f.err()
}

func nonEmpty(environ []string, fields []field) map[string]string {
	given := env.ToMap(environ)
	vars := maps.Clone(given)
	for key, value := range given {
		if value == "" {
			delete(vars, key)
		}
	}
	for _, f := range fields {
		if value, set := given[f.key]; set && value == "" && f.empty != "" {
			vars[f.key] = f.empty
		}
	}
	return vars
}

// readFile sets a secret to the content of its file, if the _FILE variable is set.
func (f *faults) readFile(vars map[string]string, key string) {
	path, given := vars[key+"_FILE"]
	if !given {
		return
	}
	if _, both := vars[key]; both {
		f.add("%s and %s_FILE are both set: leave one out", key, key)
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		f.add("%s_FILE=%q cannot be read: %v", key, path, cause(err))
		// A placeholder, so that the secret is not reported as missing too.
		vars[key] = unreadable
		return
	}
	if vars[key] = strings.TrimRight(string(text), "\r\n"); vars[key] == "" {
		delete(vars, key)
	}
}

const unreadable = "\x00unreadable"

// cause returns the innermost error. The outer ones repeat the path, which the
// fault shows already.
func cause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}

// field describes one variable of a configuration.
type field struct {
	name      string // in the struct
	part      int    // index of the struct's direct field that holds it
	key       string // name of the variable
	help      string
	must      string
	byDefault string
	required  bool
	secret    bool
	empty     string // value that an empty variable stands for, if it does not count as not set
}

// fieldsOf lists the variables of a configuration.
func fieldsOf(cfg any) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(reflect.TypeOf(cfg).Elem()) {
		key, option, _ := strings.Cut(f.Tag.Get("env"), ",")
		if key == "" {
			continue
		}
		fields = append(fields, field{
			name: f.Name, part: f.Index[0], key: key, help: f.Tag.Get("help"), must: f.Tag.Get("must"),
			byDefault: cmp.Or(f.Tag.Get("envDefault"), f.Tag.Get("helpDefault")), required: option == "required",
			secret: f.Type.Implements(reflect.TypeFor[interface{ Reveal() string }]()), empty: f.Tag.Get("empty"),
		})
	}
	return fields
}

// translate adds the errors of the env package as faults.
func (f *faults) translate(err error, vars map[string]string, fields []field) {
	var all env.AggregateError
	if !errors.As(err, &all) {
		f.need(err == nil, "%v", err)
		return
	}
	for _, err := range all.Errors {
		f.add("%s", explain(err, vars, fields))
	}
	*f = deleteEmpty(*f)
}

func explain(err error, vars map[string]string, fields []field) string {
	var missing env.VarIsNotSetError
	var wrong env.ParseError
	for _, x := range fields {
		switch {
		case errors.As(err, &missing) && missing.Key == x.key:
			return fmt.Sprintf("%s is not set: it must %s", x.key, x.must)
		case errors.As(err, &wrong) && wrong.Name == x.name && vars[x.key] == unreadable:
			return ""
		case errors.As(err, &wrong) && wrong.Name == x.name && x.secret:
			return fmt.Sprintf("%s must %s; its value is not shown", x.key, x.must)
		case errors.As(err, &wrong) && wrong.Name == x.name:
			return fmt.Sprintf("%s=%q must %s", x.key, vars[x.key], x.must)
		}
	}
	return err.Error()
}

func deleteEmpty(list []string) []string {
	kept := list[:0]
	for _, s := range list {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}

// checker is a configuration with rules that concern several variables.
type checker interface{ check(f *faults) }

// Variables returns the names of the variables of a configuration of type T.
func Variables[T any]() []string {
	var names []string
	for _, f := range fieldsOf(new(T)) {
		names = append(names, f.key)
	}
	return names
}
