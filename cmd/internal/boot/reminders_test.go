package boot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
)

func TestReminding(t *testing.T) {
	t.Parallel()
	const aDay = 24 * time.Hour
	usual := billing.ReminderRules{Trial: 7 * aDay, Long: 30 * aDay}
	for name, tt := range map[string]struct {
		changes []string
		want    billing.ReminderRules
	}{
		"default":            {nil, usual},
		"empty":              {[]string{"BILLING_REMINDERS="}, billing.ReminderRules{}},
		"one kind":           {[]string{"BILLING_REMINDERS=long=45d"}, billing.ReminderRules{Long: 45 * aDay}},
		"kinds without use":  {[]string{"BILLING_REMINDERS=price=1h, resume=180d"}, billing.ReminderRules{}},
		"a required notice":  {[]string{"BILLING_NOTICE_REQUIRED=24h"}, billing.ReminderRules{Trial: 7 * aDay, Long: 30 * aDay, Notice: aDay}},
		"only a notice":      {[]string{"BILLING_REMINDERS=", "BILLING_NOTICE_REQUIRED=7d"}, billing.ReminderRules{Notice: 7 * aDay}},
		"no required notice": {[]string{"BILLING_NOTICE_REQUIRED="}, usual},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := boot.Load[boot.Renew](environ(t, tt.changes...))
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.Reminders(); got != tt.want {
				t.Errorf("rules %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestReminding_Faults(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{
		"BILLING_REMINDERS=7d", "BILLING_REMINDERS=trial", "BILLING_REMINDERS=trial=", "BILLING_REMINDERS=trial=soon", "BILLING_REMINDERS=trial=0h",
		"BILLING_REMINDERS=trial=-7d", "BILLING_REMINDERS=trial=59m", "BILLING_REMINDERS=long=181d", "BILLING_REMINDERS=trail=7d",
		"BILLING_REMINDERS=trial=7d,trial=8d", "BILLING_REMINDERS=trial=7d,", "BILLING_REMINDERS= ",
		"BILLING_NOTICE_REQUIRED=yes", "BILLING_NOTICE_REQUIRED=0s", "BILLING_NOTICE_REQUIRED=-24h", "BILLING_NOTICE_REQUIRED=28d",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			name, value, _ := strings.Cut(variable, "=")
			_, err := boot.Load[boot.Renew](environ(t, variable, "BILLING_LOG_LEVEL=loud"))
			got := strings.Join(faults(t, err), "\n")
			for _, want := range []string{name + `="` + value + `" must be `, `BILLING_LOG_LEVEL="loud"`} {
				if !strings.Contains(got, want) {
					t.Errorf("faults %s; want %s", got, want)
				}
			}
		})
	}
}

func TestKeepPersonalData(t *testing.T) {
	t.Parallel()
	cfg, err := boot.Load[boot.API](environ(t, "BILLING_KEEP_PERSONAL_DATA=subject=1095d, notes=30d"))
	if want := (billing.KeepingTimes{Subject: 1095 * 24 * time.Hour, Notes: 30 * 24 * time.Hour}); err != nil || cfg.KeepPersonalData.KeepingTimes != want {
		t.Errorf("times %+v, %v; want %+v", cfg.KeepPersonalData, err, want)
	}
	cfg, err = boot.Load[boot.API](environ(t))
	if err != nil || cfg.KeepPersonalData.KeepingTimes != (billing.KeepingTimes{}) {
		t.Errorf("by default, times %+v, %v; want none", cfg.KeepPersonalData, err)
	}
	for _, value := range []string{"1095d", "subject", "subject=", "subject=0d", "subject=23h", "subject=-30d", "e-mail=30d", "notes=30d,notes=31d", "notes=30d,"} {
		_, err := boot.Load[boot.API](environ(t, "BILLING_KEEP_PERSONAL_DATA="+value))
		if got := strings.Join(faults(t, err), "\n"); !strings.HasPrefix(got, `BILLING_KEEP_PERSONAL_DATA="`+value+`" must be pairs`) {
			t.Errorf("%s: faults %s", value, got)
		}
	}
}
