package pgtest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// withDatabase is the database URL with another database, in either of the
// forms that Postgres knows.
func withDatabase(databaseURL, name string) (string, error) {
	if !isURL(databaseURL) {
		return databaseURL + " dbname=" + name, nil // the last one counts
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", errBadURL
	}
	u.Path = "/" + name
	return u.String(), nil
}

// withParam is the database URL with one parameter more.
func withParam(databaseURL, key string, value int) (string, error) {
	if !isURL(databaseURL) {
		return fmt.Sprintf("%s %s=%d", databaseURL, key, value), nil
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", errBadURL
	}
	q := u.Query()
	q.Set(key, strconv.Itoa(value))
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

// errBadURL does not repeat the URL, which may have a password in it.
var errBadURL = fmt.Errorf("%s is not a database URL", urlVariable)
