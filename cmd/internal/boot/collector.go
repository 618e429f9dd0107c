package boot

import (
	"log/slog"
	"time"

	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// RecordTimeout limits the storing of a payment's outcome.
const RecordTimeout = 10 * time.Second

// NewCollector returns the collector, the one part that moves money.
func NewCollector(r Rules, c Charging, store ports.Store, clock ports.Clock, providers map[string]ports.Provider, log *slog.Logger) *payments.Collector {
	return &payments.Collector{
		Store: store, Clock: clock, NewID: NewID, Providers: providers,
		Retries: r.Retries.RetrySchedule, Calendar: r.TimeZone.Calendar(),
		ChargeTimeout: time.Duration(c.ChargeTimeout), RecordTimeout: RecordTimeout, Log: log,
	}
}

// NewMethodSaver returns the saver of payment methods without a charge.
func NewMethodSaver(c Charging, store ports.Store, clock ports.Clock, systems *PaymentSystems, log *slog.Logger) *payments.MethodSaver {
	return &payments.MethodSaver{
		Store: store, Clock: clock, NewID: NewID, Providers: systems.Providers, Savers: systems.Savers,
		Timeout: time.Duration(c.ChargeTimeout), RecordTimeout: RecordTimeout, Log: log,
	}
}
