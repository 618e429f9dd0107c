package boot

import (
	"log/slog"
	"time"

	"github.com/online-cinema/billing/core/app"
)

// RecordTimeout limits the storing of a payment's outcome.
const RecordTimeout = 10 * time.Second

// NewCollector returns the collector, the one part that moves money.
func NewCollector(r Rules, c Charging, store app.Store, clock app.Clock, providers map[string]app.Provider, log *slog.Logger) *app.Collector {
	return &app.Collector{
		Store: store, Clock: clock, NewID: NewID, Providers: providers, Retries: r.Retries.RetrySchedule,
		ChargeTimeout: time.Duration(c.ChargeTimeout), RecordTimeout: RecordTimeout, Recording: app.NewRecording(), Log: log,
	}
}
