package storetest

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// personalDataCases are tests of erasures, which the owner makes, and of expiry, which the
// service makes.
var personalDataCases = map[string]func(w *panelWorld){
	"erasure leaves nothing":                        erasesAll,
	"erasure is refused while business is open":     refusesErasure,
	"erasure of an unknown user is refused":         refusesUnknownErasure,
	"erased user comes back":                        comesBack,
	"personal data expires":                         expires,
	"personal data of subscribers is kept":          keepsSubscribers,
	"personal data is kept while a method is saved": keepsSavers,
	"expiry comes in pages":                         expiresInPages,
}

var forgetting = []string{system}

// known is a user with every kind of personal data.
func (w *panelWorld) known() (d purchase, c billing.Card) {
	w.Helper()
	d = w.paid()
	user := d.sub.UserID
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return tx.Users.Identify(ctx, noon, billing.User{ID: user, Subject: "subject of " + string(user), Display: billing.NewSecret("ann@example.com")})
	})
	w.addContact(d, "ann@example.com")
	c = newCard(user, 7)
	w.addCard(c)
	w.note(user, noon)
	return d, c
}

func (w *panelWorld) note(user billing.UserID, at time.Time) {
	w.Helper()
	n, err := billing.NewNote(newIDOf[billing.NoteID](), user, " calls each monday\n", "anna", at)
	w.must(err)
	w.must(w.as(w.h.Panel, func(ctx context.Context, tx ports.Repos) error { return tx.PersonalData.AddNote(ctx, n) }))
}

func (w *panelWorld) end(d purchase, at time.Time) purchase {
	w.Helper()
	d.sub.Status, d.sub.EndedAt, d.sub.NextChargeAt = billing.StatusEnded, at, time.Time{}
	w.save(d)
	return d
}

func (w *panelWorld) erase(user billing.UserID) (erased billing.Erased, obstacles billing.ErasureObstacles, err error) {
	err = w.as(w.h.Owner, func(ctx context.Context, tx ports.Repos) (err error) {
		if obstacles, err = tx.PersonalData.LockForErasure(ctx, user); err != nil {
			return err
		}
		erased, err = tx.PersonalData.Erase(ctx, user, noon.Add(time.Hour), forgetting)
		return err
	})
	return erased, obstacles, err
}

func erasesAll(w *panelWorld) {
	d, c := w.known()
	other, _ := w.known()
	w.end(d, noon)
	history, err := w.Store.Views().Payments(w.Context(), d.sub.UserID, ports.Page{Limit: 10})
	w.must(err)
	got, obstacles, err := w.erase(d.sub.UserID)
	w.must(err)
	same(w.world, "erased", got, billing.Erased{Subject: true, Display: true, Contacts: 1, Notes: 1, Cards: 1, Methods: 1})
	same(w.world, "obstacles", obstacles, billing.ErasureObstacles{})
	w.wantSubject(d.sub.UserID, "")
	if contact := w.receiptFacts(d).Contact.Contact; !contact.IsZero() {
		w.Errorf("the contact is %s", contact.Reveal())
	}
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		card, err := tx.Cards.Find(ctx, c.UserID, c.ID)
		if card.Last4 != "" || card.Holder != "" || card.Number.Ciphertext != nil || card.RemovedAt.IsZero() {
			w.Errorf("the card is %+v", card)
		}
		return err
	})
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		m, err := tx.Methods.Find(ctx, d.sub.UserID, d.sub.MethodID)
		if !m.Token.IsZero() || m.RemovedAt.IsZero() {
			w.Errorf("the method is %+v", m)
		}
		return err
	})
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		removals, err := tx.TokenRemovals.Lease(ctx, billing.LookupInterval{Min: time.Hour, Max: time.Hour}, 10)
		if len(removals) != 1 || removals[0].Method != d.sub.MethodID || removals[0].Token.Reveal() != "tok_1" {
			w.Errorf("tokens to be forgotten: %+v, want the one of the method", removals)
		}
		return err
	})
	after, err := w.Store.Views().Payments(w.Context(), d.sub.UserID, ports.Page{Limit: 10})
	w.must(err)
	same(w.world, "payments", after, history)
	w.wantSubject(other.sub.UserID, "subject of "+string(other.sub.UserID))
	again, _, err := w.erase(d.sub.UserID)
	w.must(err)
	same(w.world, "erased again", again, billing.Erased{})
}

func refusesErasure(w *panelWorld) {
	d, _ := w.known()
	_, obstacles, err := w.erase(d.sub.UserID)
	w.must(err)
	same(w.world, "obstacles", obstacles, billing.ErasureObstacles{Live: 1})
	pending := w.subscribe(time.Hour)
	_, obstacles, err = w.erase(pending.sub.UserID)
	w.must(err)
	same(w.world, "obstacles", obstacles, billing.ErasureObstacles{Live: 1, Payments: 1})
	receipt, _ := w.known()
	w.addReceipt(receipt, w.addContact(receipt, "bob@example.com"))
	w.end(receipt, noon)
	_, obstacles, err = w.erase(receipt.sub.UserID)
	w.must(err)
	same(w.world, "obstacles", obstacles, billing.ErasureObstacles{Receipts: 1})
	givenUp, _ := w.known()
	w.end(givenUp, noon)
	p := givenUp.next(1)
	w.must(w.addPayment(0, p))
	p.Status, p.DeclineCode, p.SettledAt = billing.PaymentAbandoned, billing.NotSent, noon
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.Save(ctx, p) })
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return tx.Rechecks.Schedule(ctx, time.Hour, 1, ports.KeyOf(&p))
	})
	_, obstacles, err = w.erase(givenUp.sub.UserID)
	w.must(err)
	same(w.world, "obstacles", obstacles, billing.ErasureObstacles{Payments: 1})
}

func refusesUnknownErasure(w *panelWorld) {
	_, _, err := w.erase(newIDOf[billing.UserID]())
	w.wantErr(err, billing.ErrNotFound)
}

func comesBack(w *panelWorld) {
	d, _ := w.known()
	w.end(d, noon)
	_, _, err := w.erase(d.sub.UserID)
	w.must(err)
	w.must(w.identify(noon.Add(time.Hour), d.sub.UserID, "subject of the same person"))
	w.wantSubject(d.sub.UserID, "subject of the same person")
	w.addContact(d, "new@example.com")
	if got := w.receiptFacts(d).Contact.Contact.Reveal(); got != "new@example.com" {
		w.Errorf("the contact is %q, want the new one", got)
	}
}

func (w *panelWorld) wantSubject(user billing.UserID, want string) {
	w.Helper()
	got, err := w.Store.Views().Subject(w.Context(), user)
	if w.must(err); got != want {
		w.Errorf("the subject is %q, want %q", got, want)
	}
}

func (w *panelWorld) expire(q ports.ExpiryQuery) (x ports.Expired) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		x, err = tx.PersonalData.Expire(ctx, q)
		return err
	})
	return x
}

func expires(w *panelWorld) {
	d, _ := w.known()
	w.end(d, noon.Add(time.Hour)) // later than the last visit
	keep := billing.KeepingTimes{Subject: 3 * time.Hour, Display: 2 * time.Hour, Contact: 2 * time.Hour, Notes: 5 * time.Hour}
	for _, step := range []struct {
		after time.Duration
		want  ports.Expired
	}{
		{3 * time.Hour, ports.Expired{}},
		{3*time.Hour + time.Microsecond, ports.Expired{Names: 1, Contacts: 1}}, // the display name
		{3*time.Hour + 2*time.Microsecond, ports.Expired{}},
		{4*time.Hour + time.Microsecond, ports.Expired{Names: 1}}, // the subject
		{5*time.Hour + time.Microsecond, ports.Expired{Notes: 1}},
	} {
		got := w.expire(ports.ExpiryQuery{Keep: keep, Now: noon.Add(step.after), Limit: 10})
		step.want.Users, step.want.Last = 1, d.sub.UserID
		same(w.world, step.after.String(), got, step.want)
	}
	w.wantSubject(d.sub.UserID, "")
}

func keepsSubscribers(w *panelWorld) {
	d, _ := w.known()
	forever, _ := w.known()
	w.end(forever, noon)
	keep := billing.KeepingTimes{Subject: time.Hour, Display: time.Hour, Contact: time.Hour}
	late := noon.AddDate(10, 0, 0)
	got := w.expire(ports.ExpiryQuery{Keep: keep, Now: late, Limit: 10})
	same(w.world, "expired", got, ports.Expired{Users: 2, Last: max(d.sub.UserID, forever.sub.UserID), Names: 1, Contacts: 1})
	w.wantSubject(d.sub.UserID, "subject of "+string(d.sub.UserID))
	w.end(d, noon)
	got = w.expire(ports.ExpiryQuery{Keep: billing.KeepingTimes{Notes: time.Hour}, Now: late, Limit: 10})
	if got.Names != 0 || got.Contacts != 0 || got.Notes != 2 {
		w.Errorf("expired %+v, want two notes", got)
	}
}

func keepsSavers(w *panelWorld) {
	user := w.newSave(time.Hour).UserID
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return tx.Users.Identify(ctx, noon, billing.User{ID: user, Subject: "auth0|17"})
	})
	got := w.expire(ports.ExpiryQuery{Keep: billing.KeepingTimes{Subject: time.Hour}, Now: noon.AddDate(1, 0, 0), Limit: 10})
	same(w.world, "expired", got, ports.Expired{Users: 1, Last: user})
	w.wantSubject(user, "auth0|17")
}

func expiresInPages(w *panelWorld) {
	var users []billing.UserID
	for range 3 {
		d, _ := w.known()
		w.end(d, noon)
		users = append(users, d.sub.UserID)
	}
	q := ports.ExpiryQuery{Keep: billing.KeepingTimes{Subject: time.Hour}, Now: noon.AddDate(1, 0, 0), Limit: 2}
	for _, want := range []ports.Expired{{Users: 2, Last: users[1], Names: 2}, {Users: 1, Last: users[2], Names: 1}, {}} {
		got := w.expire(q)
		same(w.world, "page", got, want)
		q.After = got.Last
		if got.Users == 0 {
			break
		}
	}
}
