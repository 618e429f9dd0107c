package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	s := emptyDatabase(t)
	_, errs := s.run(t, boot.Failed, "plan", "list")
	if !strings.Contains(errs, "run billingctl migrate up") {
		t.Errorf("without a schema stderr is %q", errs)
	}
	var before, after []migrationJSON
	s.json(t, boot.OK, &before, "migrate", "status")
	var done migratedJSON
	s.json(t, boot.OK, &done, "migrate", "up")
	s.json(t, boot.OK, &after, "migrate", "status")
	if len(done.Applied) == 0 || len(done.Applied) != len(before) || len(after) != len(before) {
		t.Fatalf("%d steps known before, %d after; %d applied", len(before), len(after), len(done.Applied))
	}
	for i := range after {
		if before[i].Applied || !after[i].Applied {
			t.Errorf("step %s: applied before %v, after %v", after[i].Name, before[i].Applied, after[i].Applied)
		}
	}
	if out, _ := s.run(t, boot.OK, "migrate", "up"); out != "the schema is current\n" {
		t.Errorf("the second time it says %q", out)
	}
	s.run(t, boot.OK, "plan", "list")
}

func TestMigrateFromSeveralMachines(t *testing.T) {
	t.Parallel()
	s := emptyDatabase(t)
	steps := make([]int, 3)
	t.Run("at once", func(t *testing.T) {
		for i := range steps {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				var done migratedJSON
				s.json(t, boot.OK, &done, "migrate", "up")
				steps[i] = len(done.Applied)
			})
		}
	})
	var all []migrationJSON
	s.json(t, boot.OK, &all, "migrate", "status")
	if sum := steps[0] + steps[1] + steps[2]; sum != len(all) {
		t.Errorf("%v steps were taken, want %d together", steps, len(all))
	}
}
