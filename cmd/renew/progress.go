package main

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// bar is the progress bar of a run. Without a terminal it shows nothing.
type bar struct{ *progressbar.ProgressBar }

func newBar(ctx context.Context, r *renewals.Renewer, w io.Writer) (bar, error) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return bar{}, nil
	}
	due, err := r.Due(ctx)
	if err != nil || due == 0 {
		return bar{}, err
	}
	return bar{progressbar.NewOptions(due,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("renewing"), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
	)}, nil
}

func (b bar) show(s ports.Summary) {
	if b.ProgressBar != nil {
		// More subscriptions may have become due since the count.
		_ = b.Set(min(s.Renewed+s.Declined+s.Unknown+s.Failed+s.Ended, b.GetMax()))
	}
}

func (b bar) close() {
	if b.ProgressBar != nil {
		_ = b.Finish()
	}
}
