package operators

import "errors"

// SignInResult is the result of one step of a sign-in.
type SignInResult string

const (
	SignInSucceeded SignInResult = "succeeded" // a session started
	// SignInPasswordRefused is a wrong password, or any password while the account is
	// disabled or refuses the client.
	SignInPasswordRefused SignInResult = "password_refused"
	// SignInCodeRefused is the same for a code. The password was right.
	SignInCodeRefused SignInResult = "code_refused"
	SignInLimited     SignInResult = "limited" // not tried: see [Throttle]
)

// SignInResults returns all results.
func SignInResults() []SignInResult {
	return []SignInResult{SignInSucceeded, SignInPasswordRefused, SignInCodeRefused, SignInLimited}
}

// report passes the result of a step to Watch. A right password that leads to the second
// step has none yet, and neither has a failure of the database.
func (a PanelAuth) report(done SignedIn, err error, refused SignInResult) {
	if a.Watch == nil {
		return
	}
	switch {
	case done.Token != "":
		a.Watch(SignInSucceeded)
	case errors.Is(err, ErrTooManySignIns):
		a.Watch(SignInLimited)
	case errors.Is(err, ErrSignIn):
		a.Watch(refused)
	}
}
