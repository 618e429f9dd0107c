package pgtest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// withDatabase returns the database URL with another database. It accepts URLs and
// connection strings of keywords and values.
func withDatabase(databaseURL, name string) (string, error) {
	if !isURL(databaseURL) {
		return databaseURL + " dbname=" + name, nil // the last dbname takes effect
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", errBadURL
	}
	u.Path = "/" + name
	return u.String(), nil
}

// withParam returns the database URL with another parameter.
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

// errBadURL does not contain the URL, because that may have a password.
var errBadURL = fmt.Errorf("%s is not a database URL", urlVariable)
