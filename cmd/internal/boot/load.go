package boot

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Load reads a configuration of type T from an environment, as [os.Environ]
// gives it. Fields have the tags of the env package, and "must": what the value
// must be, in words that follow the variable's name.
//
// A variable that is empty counts as not set. A secret is also read from the
// file that the same variable with _FILE at its end names. The error is a
// [ConfigError].
func Load[T any](environ []string) (T, error) {
	var cfg T
	vars, fields := nonEmpty(environ), fieldsOf(&cfg)
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

func nonEmpty(environ []string) map[string]string {
	vars := env.ToMap(environ)
	for key, value := range vars {
		if value == "" {
			delete(vars, key)
		}
	}
	return vars
}

// readFile gives a secret the content of its file.
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
		// Something stands in for it, so that it is not called missing as well.
		vars[key] = unreadable
		return
	}
	if vars[key] = strings.TrimRight(string(text), "\r\n"); vars[key] == "" {
		delete(vars, key)
	}
}

const unreadable = "\x00unreadable"

// cause is the innermost error: the others repeat what is shown already.
func cause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}

// field is what is known of one variable.
type field struct {
	name   string // in the struct
	key    string
	must   string
	secret bool
}

// fieldsOf lists the variables of a configuration.
func fieldsOf(cfg any) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(reflect.TypeOf(cfg).Elem()) {
		key, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		if key == "" {
			continue
		}
		secret := f.Type.Implements(reflect.TypeFor[interface{ Reveal() string }]())
		fields = append(fields, field{f.Name, key, f.Tag.Get("must"), secret})
	}
	return fields
}

// translate says in our words what the env package found.
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

// checker is a configuration that checks more than single values.
type checker interface{ check(f *faults) }

// Variables lists the variables of a configuration of type T.
func Variables[T any]() []string {
	var names []string
	for _, f := range fieldsOf(new(T)) {
		names = append(names, f.key)
	}
	return names
}
