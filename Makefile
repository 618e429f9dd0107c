# make run           build and run the service on this machine; ARGS="--ephemeral" etc. go to billingctl dev
# make test          run all tests, on a Postgres that the tests start; RACE=1 adds the race detector
# make build         build the programs into bin/
# make chaos         run the fault suite and write bin/chaos/report.html; CHAOS=long takes half an hour
# make random        charge 10,000 payments at each payment system with random faults; SEED=N repeats a run
# make upgrade-test  run the previous version (BASE=a git ref) while its schema is migrated to this one
# make restore-test  back up, restore into an empty cluster, and compare the data
# make reconcile-test compare 2.4 million payments with the ledger, and limit the memory of that
# make install       install the programs of make build and their systemd units; PREFIX, UNITS and DESTDIR set paths
# make fuzz          run each fuzz target for FUZZTIME
# make hostile       test with a thousand slow clients for half a minute and ten thousand malformed requests
# make sbom          list the modules in bin/ as CycloneDX, and their licences
# make vulns         check for known vulnerabilities; needs access to vuln.go.dev
# make generate      generate code with sqlc and oapi-codegen, and the page behind /docs
# make bench         run a benchmark: BENCH=renew, subscribe, http or give
# make check         check format, modules, units, alerts, generated code, the OpenAPI document and lint

PROGRAMS := billing-api billing-admin billing-renew billingctl
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# -buildvcs=false, because VCS stamping fails if git distrusts the folder's owner. VERSION has the same information.
GO_BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false \
	-ldflags '-s -w -X github.com/online-cinema/billing/cmd/internal/boot.version=$(VERSION)'
TOOL := go tool -modfile=tools/go.mod

OAPI_CONFIG := adapters/httpapi/oapi.yaml
OAPI_SOURCE := adapters/httpapi/openapi.yaml
OAPI_PAGE   := adapters/httpapi/docs.html

.PHONY: help
help:
	@sed -n 's/^# make/make/p' Makefile

.PHONY: run
run: build
	@bin/billingctl dev $(ARGS)

.PHONY: build
build: $(PROGRAMS:%=bin/%)

# The programs are always built, because only go knows whether they are out of date.
.PHONY: FORCE
bin/billing-%: FORCE
	@echo build $@
	@$(GO_BUILD) -o $@ ./cmd/$*

bin/billingctl: FORCE
	@echo build $@
	@$(GO_BUILD) -o $@ ./cmd/ctl

PREFIX ?= /usr/local
UNITS  ?= /etc/systemd/system

# install does not build, so that only the installation needs root.
.PHONY: install
install:
	@for program in $(PROGRAMS); do \
		test -x bin/$$program || { echo "bin/$$program is missing: run make build first"; exit 1; }; done
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITS)
	install -m 755 $(PROGRAMS:%=bin/%) $(DESTDIR)$(PREFIX)/bin
	@for unit in cmd/*/*.service cmd/*/*.timer; do \
		echo install $$unit; \
		sed 's|/usr/local/bin/|$(PREFIX)/bin/|' $$unit > $(DESTDIR)$(UNITS)/$${unit##*/} && \
		chmod 644 $(DESTDIR)$(UNITS)/$${unit##*/} || exit 1; done

# -count=1, because cached results of tests with a database are not reliable. The slowest
# package comes first, so that the others run beside it.
.PHONY: test
test:
	go test -count=1 $(if $(RACE),-race) $(or $(PACKAGES),./cmd/qa/e2e ./...)

# go test adds each failing input to testdata/fuzz beside the target, so that it becomes a test.
FUZZTIME ?= 1m
.PHONY: fuzz
fuzz:
	@for file in $$(grep -rl --include='*_test.go' '^func Fuzz' adapters cmd core); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\)(.*/\1/p' $$file); do \
			echo "$$target in $$file"; \
			go test ./$${file%/*} -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; done; done

# The same tests are part of make test, with slow clients for 3 seconds.
.PHONY: hostile
hostile:
	SLOW_FOR=30s go test -count=1 -v -run '^Test(SlowClients|Malformed)' ./cmd/qa/e2e

# The SBOM is made from the built programs, so that it lists the modules that are shipped.
.PHONY: sbom
sbom:
	@command -v jq >/dev/null || { echo "make sbom needs jq"; exit 1; }
	@for program in $(PROGRAMS); do \
		test -x bin/$$program || { echo "bin/$$program is missing: run make build first"; exit 1; }; \
		$(TOOL) cyclonedx-gomod bin -json -licenses -std -version "$(VERSION)" -output bin/$$program.cdx.json bin/$$program 2>bin/sbom.log || \
			{ cat bin/sbom.log; exit 1; }; \
	done; rm bin/sbom.log
	@jq -r '.components[] | [.name, .version, ([.evidence.licenses[]?.license | .id // .name] | unique | join(", "))] | @tsv' \
		bin/*.cdx.json | sort -u | awk -F '\t' '{ printf "%-50s %-38s %s\n", $$1, $$2, $$3 == "" ? "NOT FOUND: check by hand" : $$3 }' | tee bin/licences.txt

# Without access to the vulnerability database the check is skipped with a message, and does not fail.
.PHONY: vulns
vulns:
	@output=$$($(TOOL) govulncheck ./... 2>&1); code=$$?; echo "$$output"; \
	case "$$code:$$output" in \
	*"fetching vulnerabilities"*) echo "NOT CHECKED: the vulnerability database is unavailable"; exit 0 ;; \
	esac; exit $$code

# The report is bin/chaos/report.html. ARGS="--only NAME --seed N" repeats a trial.
.PHONY: chaos
chaos:
	@go run ./cmd/qa/chaos $(if $(filter long,$(CHAOS)),--long) $(ARGS)

# The short form is part of make test. The second command checks that planted bugs are found.
PAYMENTS ?= 10000

.PHONY: random
random:
	@output=$$(BILLING_TEST_SEED=$(SEED) BILLING_TEST_PAYMENTS=$(PAYMENTS) \
		go test -count=1 -v -timeout 30m -run '^TestRandomFaults$$' ./cmd/qa/random); code=$$?; \
	echo "$$output" | grep -vE '^(===|  *--- PASS)'; exit $$code
	go test -count=1 -timeout 30m -tags mutant -run '^TestPlantedBugs' ./cmd/qa/random

# BASE is the latest tag. In a repository without tags it is the commit before the
# last change of the schema.
BASE ?= $(shell git describe --tags --abbrev=0 2>/dev/null || git rev-parse "$$(git log -1 --format=%H -- db/migrations)^")

.PHONY: upgrade-test restore-test reconcile-test
upgrade-test:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && echo "from $(BASE)" && \
	git archive "$(BASE)" | tar -x -C "$$dir" && \
	$(MAKE) --no-print-directory -C "$$dir" build VERSION="$(BASE)" && \
	BILLING_BASE="$$dir/bin" go test -count=1 -v -tags ops -run '^TestUpgrade$$' ./cmd/qa/e2e

restore-test:
	go test -count=1 -v -tags ops -run '^TestRestore$$' ./cmd/qa/e2e

# It needs two gigabytes of disk.
reconcile-test:
	go test -count=1 -v -tags ops -run '^TestReconcileLarge$$' ./cmd/qa/e2e

# Each figure is a ratio to a baseline measured in the same minutes on the same
# machine: see cmd/qa/bench/main.go. Results that the same build has already measured
# are reused, unless BENCH_FRESH=1. BENCH_SIZE=full needs a quiet hour and 30 GB.
BENCH       ?= renew
BENCH_SIZE  ?= short
BENCH_DIR   ?= $(or $(TMPDIR),/tmp)/billing-bench
BENCH_smoke := -rows 20000 -due 2000 -pairs 1 -time 1s
BENCH_short := -rows 200000 -due 20000 -pairs 7 -time 3s
BENCH_full  := -rows 1000000 -due 100000 -pairs 7 -time 10s

.PHONY: bench
bench:
	@mkdir -p -m 755 $(BENCH_DIR) && test -O $(BENCH_DIR) -a ! -L $(BENCH_DIR) || \
		{ echo "$(BENCH_DIR) belongs to another user, who could replace what is run: choose another folder with BENCH_DIR"; exit 1; }
	@chmod go-w $(BENCH_DIR)
	@go build -buildvcs=false -o $(BENCH_DIR)/ ./cmd/qa/bench ./cmd/qa/bench/renewer
	@$(BENCH_DIR)/bench -data $(BENCH_DIR)/postgres -out $(or $(BENCH_OUT),$(BENCH_DIR)/results) $(BENCH_$(BENCH_SIZE)) \
		$(if $(BENCH_FORCE),-force) $(if $(BENCH_FRESH),-fresh) $(if $(BENCH_PROFILES),-profiles $(BENCH_PROFILES)) \
		$(BENCH) $(BENCH_PARTS)

.PHONY: generate
generate:
	$(TOOL) sqlc generate
	$(TOOL) oapi-codegen -config $(OAPI_CONFIG) $(OAPI_SOURCE)
	go run ./adapters/httpapi/internal/docgen $(OAPI_SOURCE) $(OAPI_PAGE)

.PHONY: check check-alerts check-format check-code check-generated check-modules check-openapi check-units
check: check-format check-modules check-units check-alerts check-generated check-openapi check-code

check-format:
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')) && \
	if [ -n "$$files" ]; then echo "run gofmt -w on:"; echo "$$files"; exit 1; fi

check-modules:
	go mod tidy -diff
	cd cmd/qa/bench/peers && go mod tidy -diff && go vet ./...

check-openapi:
	go run -C tools ./openapilint ../$(OAPI_SOURCE)

# The tests of adapters/httpapi validate the OpenAPI document.
check-code:
	go vet ./...
	go vet -tags crash,mutant,ops ./...
	$(TOOL) golangci-lint run ./...
	go test ./adapters/httpapi ./core ./db

# Without the key output in its configuration, oapi-codegen writes to the path of -o.
check-generated:
	$(TOOL) sqlc diff
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	sed '/^output:/d' $(OAPI_CONFIG) > "$$dir/oapi.yaml" && \
	$(TOOL) oapi-codegen -config "$$dir/oapi.yaml" -o "$$dir/generated.go" $(OAPI_SOURCE) && \
	diff -u "$$(sed -n 's/^output: *//p' $(OAPI_CONFIG))" "$$dir/generated.go" && \
	go run ./adapters/httpapi/internal/docgen $(OAPI_SOURCE) "$$dir/docs.html" && diff -u $(OAPI_PAGE) "$$dir/docs.html" || \
	{ echo "generated code is out of date: run make generate"; exit 1; }

# The tests of cmd/qa/e2e check that the metrics in the rules exist.
check-alerts:
	@command -v promtool >/dev/null || { echo "NOT CHECKED: the alerts, because promtool is not installed (Debian package prometheus)"; exit 0; }; \
	cd cmd/api/monitoring && promtool check rules alerts.yaml && promtool test rules alerts_test.yaml

# systemd-analyze verify reports a mistyped key but exits with 0, so any output is a
# failure. /bin/true replaces the programs, which need not be installed.
check-units:
	@command -v systemd-analyze >/dev/null || { echo "NOT CHECKED: the unit files, because systemd is not installed"; exit 0; }; \
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	for unit in $$(git ls-files -co --exclude-standard 'cmd/*.service' 'cmd/*.timer'); do \
		sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' "$$unit" > "$$dir/$$(basename $$unit)"; \
	done && \
	output=$$(systemd-analyze verify "$$dir"/*.service "$$dir"/*.timer 2>&1) && [ -z "$$output" ] || { echo "$$output"; exit 1; }; \
	for unit in "$$dir"/*.service; do \
		systemd-analyze security --offline=true --threshold=20 --no-pager "$$unit" > "$$dir/output" || { cat "$$dir/output"; exit 1; }; \
	done
