.DEFAULT_GOAL := help
.PHONY: help run build test check bench soak generate browser-test race

BROWSER := edge/browser
# Packages that are only worth their time without the race detector: they drive a binary that is built without it, or
# compilers, and run their modules in the engine, in which package filters looks for races.
RACEPKGS = $(shell go list ./... | grep -v -e '/deploy/e2e' -e '/deploy/bench' -e '/deploy/nemesis' -e '/filters/sdk$$' -e '/filters/internal/build')

help: ## Print this.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Run a hub and an edge with demo data: "weir dev".
	@./weir dev

build: ## Build ./weir.
	go build -trimpath -o weir .

test: ## Run all tests, in a real browser too. Installs what it needs where it may.
	@.ci/need-tools
	@$(MAKE) --no-print-directory browser-test
	go test ./...

check: ## Check formatting, vet, staticcheck, go.mod, generated code, and test with the race detector.
	@unformatted="$$(go tool gofumpt -l .)"; \
	if [ -n "$$unformatted" ]; then echo "not formatted; run: go tool gofumpt -w FILE"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff
	cd deploy/bench/rivals && go vet ./... && go mod tidy -diff
	@.ci/generated-is-current
	@$(MAKE) --no-print-directory race

race:
	@if [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null; then \
		echo go test -race ./...; go test -race $(RACEPKGS); \
	else \
		echo "######## NO C COMPILER: THE RACE DETECTOR NEEDS ONE AND IS SKIPPED ########" >&2; \
	fi

generate: ## Generate code from the schemas, the browser's files and the ready-made filters.
	go run ./proto/internal/gen $(if $(shell command -v npm),-ts $(BROWSER)/src/codec/gen) proto/schema proto
	@if command -v npm >/dev/null; then echo go run ./$(BROWSER)/internal/bundle; go run ./$(BROWSER)/internal/bundle; \
	else echo "no Node: the browser's files stay as they are" >&2; fi
	@if command -v rustc >/dev/null; then echo go run ./filters/internal/build; go run ./filters/internal/build; \
	else echo "no rustc: the ready-made filters stay as they are" >&2; fi

bench: ## Measure: make bench [SUITE=filters|neighbours|commit|region|failover|fanout|idle].
	go run ./deploy/bench $(if $(SUITE),-suite $(SUITE))

soak: ## Run seeded random histories: make soak [SUITE=filters|hub|edge|nemesis] [SEEDS=N] [SEED=x].
	go run ./deploy/soak $(if $(SUITE),-suite $(SUITE)) $(if $(SEEDS),-seeds $(SEEDS)) $(if $(SEED),-seed $(SEED))

browser-test:
	@if command -v npm >/dev/null; then \
		$(BROWSER)/test.sh; \
	else \
		echo "######## NO NODE: THE TYPESCRIPT TESTS ARE SKIPPED (the browser tests need none) ########" >&2; \
	fi
