# Every command a person needs. `make` alone prints this list.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
.DEFAULT_GOAL := help

export GOTOOLCHAIN ?= auto
API := gateway/api
BUF := $(API)/node_modules/.bin/buf
GOLANGCI := go tool -modfile=$(API)/tools/golangci/go.mod golangci-lint
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X github.com/profferhq/proffer/gateway.Version=$(VERSION)
DATA ?= $(or $(value PROFFER_DATA_DIR),data)

.PHONY: help run test e2e lint generate verify build bench console clean fuzz tidy

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start everything with a sample shop; Ctrl-C stops it, a second start keeps the data
	@bin/proffer serve --sample --data $(DATA)

test: ## all tests that finish within minutes, with the race detector
	go test -race -short -timeout 15m ./...

e2e: ## the long tests too: the product from outside, whole public data sets (PROFFER_DATA)
	go test -race -timeout 40m ./e2e ./gateway/importer
	go test -race -timeout 20m ./domain/identity ./gateway/natskv ./gateway/natslog ./gateway/postgres
	go test -timeout 20m ./gateway/lab/...

lint: ## vet, formatting, the linters
	go vet ./...
	@out=$$(git ls-files '*.go' | grep -v '\.pb\.go$$' | xargs gofmt -l); test -z "$$out" || { echo "not gofmt-ed:" $$out; exit 1; }
	$(GOLANGCI) run ./...

generate: $(BUF) ## generated code and pages: protocol buffers, the configuration reference
	$(BUF) lint
	$(BUF) format -w domain
	$(BUF) format -w $(API)/proto
	$(BUF) generate
	go run ./gateway/cmd/proffer reference > docs/configuration.md

verify: generate ## fails when generated files are not current
	git diff --exit-code -- . || { echo "generated files differ: commit what make generate wrote"; exit 1; }

$(BUF): $(API)/package-lock.json
	npm ci --prefix $(API) --no-audit --no-fund --silent
	@touch $(BUF)

build: ## the one binary: bin/proffer
	@mkdir -p bin
	go build -ldflags '$(LDFLAGS)' -o bin/proffer ./gateway/cmd/proffer

bench: build ## every figure of the README, each with its ceiling from the same run
	@for name in ingest decide project-kv project-postgres replay; do bin/proffer bench $$name --json; done

console: ## the console comes with its issue: nothing to build yet
	@echo "there is no console yet"

# Without a bound on minimising, two workers spend a whole run on the first inputs of some length that they find. A number
# of inputs, not a time, because Go before 1.27 may call the end of the time a failure (go.dev/issue/75804).
fuzz: ## each fuzz target for FUZZTIME (default 50000x, that many inputs; or a time)
	@for pkg in $$(grep -rl --include='*_test.go' 'func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho 'func Fuzz[A-Za-z0-9_]*' $$pkg/*_test.go | awk '{print $$2}'); do \
	    go test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-50000x} -fuzzminimizetime 100x $$pkg; done; done

tidy: ## go.mod and go.sum hold what is needed and no more
	go mod tidy && git diff --exit-code -- go.mod go.sum

clean: ## what make wrote: bin/ and the sample's data/
	rm -rf bin data
