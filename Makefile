# make run      everything on this machine, to try it out; ARGS="--ephemeral" and the like go to billingctl dev
# make test     every test, against a Postgres that the tests start themselves
# make build    the programs, into bin/
# make chaos    break the service in every way we know, and compare the books; CHAOS=long for half an hour
# make upgrade-test  run the last version (BASE=a git ref) while the schema is brought up to this one
# make restore-test  back up, restore into an empty cluster, and compare the books
# make install  what make build made, with its systemd units; PREFIX, UNITS and DESTDIR choose places
# make fuzz     what nobody thought of, to every fuzz target for FUZZTIME
# make hostile  a thousand slow clients for half a minute, and ten thousand malformed requests
# make sbom     what is inside bin/, as CycloneDX, and the licences of it
# make vulns    known vulnerabilities in what we call, where vuln.go.dev is reached
# make generate the code that sqlc and oapi-codegen make, and the page behind /docs
# make bench    how fast it is against what the machine can do: BENCH=renew, subscribe or http
# make check    what must hold before a change is merged, besides the tests

PROGRAMS := billing-api billing-admin billing-renew billingctl
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# No VCS stamp: it fails where git distrusts the owner of the folder, and VERSION says as much.
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

# Always made: go knows better than make what is out of date.
.PHONY: FORCE
bin/billing-%: FORCE
	@echo build $@
	@$(GO_BUILD) -o $@ ./cmd/$*

bin/billingctl: FORCE
	@echo build $@
	@$(GO_BUILD) -o $@ ./cmd/ctl

PREFIX ?= /usr/local
UNITS  ?= /etc/systemd/system

# Builds nothing: whoever installs is root, whoever builds need not be.
.PHONY: install
install:
	@for program in $(PROGRAMS); do \
		test -x bin/$$program || { echo "there is no bin/$$program: make build comes first"; exit 1; }; done
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITS)
	install -m 755 $(PROGRAMS:%=bin/%) $(DESTDIR)$(PREFIX)/bin
	@for unit in cmd/*/*.service cmd/*/*.timer; do \
		echo install $$unit; \
		sed 's|/usr/local/bin/|$(PREFIX)/bin/|' $$unit > $(DESTDIR)$(UNITS)/$${unit##*/} && \
		chmod 644 $(DESTDIR)$(UNITS)/$${unit##*/} || exit 1; done

# RACE=1 looks for data races too; -count=1 because tests with a database are not to be remembered.
.PHONY: test
test:
	go test -count=1 $(if $(RACE),-race) ./...

# What a target finds is kept in testdata/fuzz beside it, and is a test from then on.
FUZZTIME ?= 1m
.PHONY: fuzz
fuzz:
	@for file in $$(grep -rl --include='*_test.go' '^func Fuzz' adapters cmd core); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\)(.*/\1/p' $$file); do \
			echo "$$target in $$file"; \
			go test ./$${file%/*} -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; done; done

# In tests they are as many, for 3 seconds.
.PHONY: hostile
hostile:
	SLOW_FOR=30s go test -count=1 -v -run '^Test(SlowClients|Malformed)' ./cmd/qa/e2e

# From the programs themselves, so it is what was shipped and not what was meant.
.PHONY: sbom
sbom:
	@command -v jq >/dev/null || { echo "make sbom needs jq"; exit 1; }
	@for program in $(PROGRAMS); do \
		test -x bin/$$program || { echo "there is no bin/$$program: make build comes first"; exit 1; }; \
		$(TOOL) cyclonedx-gomod bin -json -licenses -std -version "$(VERSION)" -output bin/$$program.cdx.json bin/$$program 2>bin/sbom.log || \
			{ cat bin/sbom.log; exit 1; }; \
	done; rm bin/sbom.log
	@jq -r '.components[] | [.name, .version, ([.evidence.licenses[]?.license | .id // .name] | unique | join(", "))] | @tsv' \
		bin/*.cdx.json | sort -u | awk -F '\t' '{ printf "%-50s %-38s %s\n", $$1, $$2, $$3 == "" ? "NOT FOUND: read it" : $$3 }' | tee bin/licences.txt

# No network is no news, good or bad: said, and not a failure.
.PHONY: vulns
vulns:
	@said=$$($(TOOL) govulncheck ./... 2>&1); code=$$?; echo "$$said"; \
	case "$$code:$$said" in \
	*"fetching vulnerabilities"*) echo "NOT CHECKED: the vulnerability database is out of reach"; exit 0 ;; \
	esac; exit $$code

# The report is bin/chaos/report.html. ARGS="--only NAME --seed N" repeats a trial.
.PHONY: chaos
chaos:
	@go run ./cmd/qa/chaos $(if $(filter long,$(CHAOS)),--long) $(ARGS)

# The last version is the latest tag; as long as there is none, what was there
# before the schema last changed.
BASE ?= $(shell git describe --tags --abbrev=0 2>/dev/null || git rev-parse "$$(git log -1 --format=%H -- db/migrations)^")

.PHONY: upgrade-test restore-test
upgrade-test:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && echo "from $(BASE)" && \
	git archive "$(BASE)" | tar -x -C "$$dir" && \
	$(MAKE) --no-print-directory -C "$$dir" build VERSION="$(BASE)" && \
	BILLING_BASE="$$dir/bin" go test -count=1 -v -tags ops -run '^TestUpgrade$$' ./cmd/qa/e2e

restore-test:
	go test -count=1 -v -tags ops -run '^TestRestore$$' ./cmd/qa/e2e

# Every figure is a ratio to something measured in the same minutes on the same
# machine; cmd/qa/bench/main.go says how. What was measured already by this very
# program is not measured again (BENCH_FRESH=1 does). BENCH_SIZE=full is for a
# quiet hour: it fills some 30 GB.
BENCH       ?= renew
BENCH_SIZE  ?= short
BENCH_DIR   ?= $(or $(TMPDIR),/tmp)/billing-bench
BENCH_smoke := -rows 20000 -due 2000 -pairs 1 -time 1s
BENCH_short := -rows 200000 -due 20000 -pairs 7 -time 3s
BENCH_full  := -rows 1000000 -due 100000 -pairs 7 -time 10s

.PHONY: bench
bench:
	@mkdir -p $(BENCH_DIR)
	@go build -buildvcs=false -o $(BENCH_DIR)/ ./cmd/qa/bench ./cmd/qa/bench/renewer
	@$(BENCH_DIR)/bench -data $(BENCH_DIR)/postgres -out $(or $(BENCH_OUT),$(BENCH_DIR)/results) $(BENCH_$(BENCH_SIZE)) \
		$(if $(BENCH_FORCE),-force) $(if $(BENCH_FRESH),-fresh) $(if $(BENCH_PROFILES),-profiles $(BENCH_PROFILES)) \
		$(BENCH) $(BENCH_PARTS)

.PHONY: generate
generate:
	$(TOOL) sqlc generate
	$(TOOL) oapi-codegen -config $(OAPI_CONFIG) $(OAPI_SOURCE)
	go run ./adapters/httpapi/internal/docgen $(OAPI_SOURCE) $(OAPI_PAGE)

.PHONY: check check-alerts check-format check-code check-generated check-modules check-units
check: check-format check-modules check-units check-alerts check-generated check-code

check-format:
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')) && \
	if [ -n "$$files" ]; then echo "gofmt -w these:"; echo "$$files"; exit 1; fi

check-modules:
	go mod tidy -diff
	cd cmd/qa/bench/peers && go mod tidy -diff && go vet ./...

# The OpenAPI document is validated by the tests of the package that serves it.
check-code:
	go vet ./...
	go vet -tags crash,mutant,ops ./...
	$(TOOL) golangci-lint run ./...
	go test ./adapters/httpapi ./core ./db

# oapi-codegen writes where its configuration says, unless that says nothing.
check-generated:
	$(TOOL) sqlc diff
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	sed '/^output:/d' $(OAPI_CONFIG) > "$$dir/oapi.yaml" && \
	$(TOOL) oapi-codegen -config "$$dir/oapi.yaml" -o "$$dir/made.go" $(OAPI_SOURCE) && \
	diff -u "$$(sed -n 's/^output: *//p' $(OAPI_CONFIG))" "$$dir/made.go" && \
	go run ./adapters/httpapi/internal/docgen $(OAPI_SOURCE) "$$dir/docs.html" && diff -u $(OAPI_PAGE) "$$dir/docs.html" || \
	{ echo "generated code is out of date: make generate"; exit 1; }

# That the metrics are there which they ask for, the tests of cmd/qa/e2e tell.
check-alerts:
	@command -v promtool >/dev/null || { echo "no promtool here (Debian: prometheus): the alerts are not checked"; exit 0; }; \
	cd cmd/api/monitoring && promtool check rules alerts.yaml && promtool test rules alerts_test.yaml

# systemd-analyze verify exits with 0 on a mistyped key, but says so; the
# programs need not be installed for it.
check-units:
	@command -v systemd-analyze >/dev/null || { echo "no systemd here: the unit files are not checked"; exit 0; }; \
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	for unit in $$(git ls-files -co --exclude-standard 'cmd/*.service' 'cmd/*.timer'); do \
		sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' "$$unit" > "$$dir/$$(basename $$unit)"; \
	done && \
	said=$$(systemd-analyze verify "$$dir"/*.service "$$dir"/*.timer 2>&1) && [ -z "$$said" ] || { echo "$$said"; exit 1; }; \
	for unit in "$$dir"/*.service; do \
		systemd-analyze security --offline=true --threshold=20 --no-pager "$$unit" > "$$dir/said" || { cat "$$dir/said"; exit 1; }; \
	done
