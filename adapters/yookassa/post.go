package yookassa

import (
	"context"
	"fmt"
	"net/http"

	"github.com/online-cinema/billing/adapters/internal/pspclient"
)

// post sends the request until YooKassa answers with an object, which it decodes into v, or
// with an error that a repetition does not change.
//
// Once an attempt may have moved money, no later error proves that none was moved.
func (y *YooKassa) post(ctx context.Context, path, key string, body []byte, v any) error {
	request := pspclient.Request{Method: http.MethodPost, Path: path, Header: y.header(key), Body: body}
	var unknown error // the last error after which YooKassa may have moved the money
	for attempt := 0; ; attempt++ {
		response, err := y.client.Do(ctx, request)
		result := resultOf(response, err, v)
		switch {
		case result.err == nil:
			return nil
		case !result.again && unknown == nil:
			return result.err
		case !result.again:
			return fmt.Errorf("%w; then %s", unknown, result.err.Error())
		}
		unknown = result.err
		if err := y.wait(ctx, result.pause(attempt)); err != nil {
			return unknown
		}
	}
}
