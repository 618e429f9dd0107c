package operators

import (
	"cmp"
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// FindKind is a kind of name by which [Panel.Find] searches.
type FindKind string

// The kinds of names.
const (
	FindSubject    FindKind = "subject"
	FindDisplay    FindKind = "display"
	FindUserID     FindKind = "user_id"     // or its beginning
	FindPaymentID  FindKind = "payment_id"  // of a payment or a refund
	FindPaymentEnd FindKind = "payment_end" // the last 8 characters of a payment's id
	FindReference  FindKind = "reference"   // of a payment or a refund at the payment system
	FindCard       FindKind = "card"        // the last four digits
)

// FindQuery is a search for users and payments. The times limit the payments of a search by
// the end of an id, or by the digits of a card. Zero times are no limit.
type FindQuery struct {
	Text         string
	Since, Until time.Time
}

// Found is the result of a search.
type Found struct {
	Users    []ports.UserRow
	Payments []ports.PaymentRow
	More     bool       // only some of the results are listed
	Kinds    []FindKind // by which was searched
	// Since is set if the search by the end of an id stopped at payments of this time,
	// without a result.
	Since time.Time
}

// Only returns the one user that was found, and the payment if that was found. It returns
// false if nothing or more than one user or payment was found.
func (f Found) Only() (billing.UserID, billing.PaymentID, bool) {
	switch {
	case len(f.Users) == 1 && len(f.Payments) == 0:
		return f.Users[0].ID, "", true
	case len(f.Payments) == 1 && (len(f.Users) == 0 || len(f.Users) == 1 && f.Users[0].ID == f.Payments[0].UserID):
		return f.Payments[0].UserID, f.Payments[0].ID, true
	}
	return "", "", false
}

const (
	maxFound    = 50
	leastPrefix = 6 // characters of an id that are searched; fewer select too many users
	leastName   = 3 // characters of a display name that are searched
	findTime    = 2 * time.Second
	firstEnds   = 16_000 // payments of the first stretch of a search by the end of an id
)

var (
	fourDigits  = regexp.MustCompile(`^[0-9]{4}$`)
	eightDigits = regexp.MustCompile(`^[0-9a-f]{8}$`)
)

// Find finds users and payments by a name: see [FindKind]. It returns
// [billing.ErrInvalid] if the text is empty, or could be the number of a card.
func (p Panel) Find(ctx context.Context, by Operator, q FindQuery) (Found, error) {
	if err := by.mayRead(); err != nil {
		return Found{}, err
	}
	text := strings.TrimSuffix(billing.CleanReference(strings.TrimSpace(q.Text)), "…")
	switch {
	case text == "":
		return Found{}, &billing.InvalidError{Faults: []billing.Fault{{Field: "text", Message: "must not be empty", Rule: billing.RuleRequired}}}
	case billing.HoldsCardNumber(text):
		return Found{}, &billing.InvalidError{Faults: []billing.Fault{{
			Field: "text", Message: "must not contain what could be a card number", Rule: billing.RuleCardNumber,
		}}}
	}
	var f Found
	for _, search := range []func(context.Context, string, FindQuery, *Found) error{
		p.findUsers, p.findCards, p.findPayments, p.findPaymentEnd,
	} {
		if err := search(ctx, text, q, &f); err != nil {
			return Found{}, err
		}
	}
	f.More = len(f.Users) >= maxFound || len(f.Payments) >= maxFound
	return f, nil
}

func (p Panel) findUsers(ctx context.Context, text string, _ FindQuery, f *Found) error {
	id := strings.ToLower(text)
	names := ports.UserNames{Subject: text}
	f.Kinds = append(f.Kinds, FindSubject)
	if billing.IsID(id) {
		names.Subject = id // as it is stored
	}
	if len([]rune(text)) >= leastName && !fourDigits.MatchString(text) {
		f.Kinds = append(f.Kinds, FindDisplay)
		names.Display = billing.NewSecret(text)
	}
	if len(id) >= leastPrefix && isIDPrefix(id) {
		f.Kinds = append(f.Kinds, FindUserID)
		names.First, names.Last = billing.UserID(id+firstID[len(id):]), billing.UserID(id+lastID[len(id):])
	}
	var err error
	f.Users, err = p.Views.Find.UsersNamed(ctx, names, maxFound)
	return err
}

func (p Panel) findCards(ctx context.Context, text string, q FindQuery, f *Found) error {
	if !fourDigits.MatchString(text) {
		return nil
	}
	f.Kinds = append(f.Kinds, FindCard)
	users, err := p.Views.Find.UsersByCard(ctx, ports.CardQuery{Last4: text, Since: q.Since, Until: q.Until}, maxFound)
	f.Users = append(f.Users, users...)
	return err
}

func (p Panel) findPayments(ctx context.Context, text string, _ FindQuery, f *Found) error {
	var id billing.PaymentID
	if lower := strings.ToLower(text); billing.IsID(lower) {
		f.Kinds = append(f.Kinds, FindPaymentID)
		id = billing.PaymentID(lower)
	}
	f.Kinds = append(f.Kinds, FindReference)
	var err error
	f.Payments, err = p.Views.Find.PaymentsNamed(ctx, id, text, maxFound)
	return err
}

// findPaymentEnd searches the ids of the newest payments. They have no index by their end,
// which each renewal would pay for.
func (p Panel) findPaymentEnd(ctx context.Context, text string, q FindQuery, f *Found) error {
	end := strings.ToLower(text)
	if !eightDigits.MatchString(end) {
		return nil
	}
	f.Kinds = append(f.Kinds, FindPaymentEnd)
	s := p.spanOf(ports.PaymentFilter{Since: q.Since, Until: q.Until}, ports.PaymentSpan{})
	ids, next, err := scan[billing.PaymentID, billing.PaymentID]{
		limit: 1, first: firstEnds, time: cmp.Or(p.SearchTime, findTime),
		bound: func(ctx context.Context, from billing.PaymentID, n int) (billing.PaymentID, error) {
			return p.Views.Payments.Bound(ctx, ports.PaymentSpan{From: from, To: s.To}, n)
		},
		read: func(ctx context.Context, from, to billing.PaymentID, _ int) ([]billing.PaymentID, error) {
			return p.Views.Payments.Ending(ctx, end, ports.PaymentSpan{From: from, To: cmp.Or(to, s.To)})
		},
		key: func(id billing.PaymentID) billing.PaymentID { return id },
	}.from(ctx, s.From)
	if err != nil {
		return err
	}
	for _, id := range ids {
		found, err := p.Views.Find.PaymentsNamed(ctx, id, "", 1)
		if err != nil {
			return err
		}
		f.Payments = append(f.Payments, found...)
	}
	if len(ids) == 0 && next != "" {
		f.Since, _ = billing.IDTime(string(next))
	}
	return nil
}
