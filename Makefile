# Lastseen. `make help` tells what there is.

PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift
# Options for `swift build` and `swift test`, e.g. SWIFT_FLAGS='--jobs 2'.
SWIFT_FLAGS ?=
# Empty to have each test and each of its cases named, 2 MB of them.
TEST_FLAGS ?= --quiet

# The Swift runtime is linked in, so that the installed program needs no toolchain and starts in half
# the time; by lld, which comes with the toolchain.
RELEASE := $(SWIFT) build -c release --product lastseen --static-swift-stdlib -Xswiftc -use-ld=lld \
    $(SWIFT_FLAGS)
PROGRAM := .build/release/lastseen
# What 'lastseen serve' runs: its HTTP server is not in lastseen itself.
SERVER := .build/release/lastseen-server
UAP_CORE ?= /usr/share/uap-core/regexes.yaml
share := $(DESTDIR)$(PREFIX)/share

.DEFAULT_GOAL := help
.PHONY: help demo build test system-libraries install uninstall bench golden docs rule-pages format lint clean

help: ## This list
	@echo "Lastseen: find the sessions that are not their users', and end them."
	@echo
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  make %-18s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Build, analyse the samples, print alerts and plans, write demo-output/report.html
	@scripts/demo.sh $(PROGRAM) demo-output

build: system-libraries ## Build for release
	$(RELEASE)
	$(subst --product lastseen,--product lastseen-server,$(RELEASE))

test: system-libraries ## Run every test
	@[ -n "$$LASTSEEN_EXTRA_DATA" ] || echo "LASTSEEN_EXTRA_DATA is not set: tests on real files are skipped."
	$(SWIFT) test --disable-xctest $(TEST_FLAGS) $(SWIFT_FLAGS)

system-libraries: ## Install the system libraries that are missing (Debian, Ubuntu)
	@scripts/system-libraries.sh

# Not remade when it is there, so that `sudo make install` compiles nothing as root.
$(PROGRAM) $(SERVER):
	$(MAKE) build

install: $(PROGRAM) $(SERVER) ## Install what was built below PREFIX (/usr/local), staged in DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(share)/lastseen/geo $(share)/lastseen/uap-core \
	    $(share)/lastseen/schemas $(share)/doc/lastseen \
	    $(share)/bash-completion/completions $(share)/zsh/site-functions \
	    $(share)/fish/vendor_completions.d
	install -s -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/lastseen
	install -s -m 755 $(SERVER) $(DESTDIR)$(PREFIX)/bin/lastseen-server
	rm -rf $(share)/lastseen/rules
	cd rules && find . -name '*.yaml' -exec install -D -m 644 {} $(abspath $(share))/lastseen/rules/{} \;
	install -m 644 Sources/Enrichment/Resources/city-lite.mmdb $(share)/lastseen/geo/
	install -m 644 $(UAP_CORE) $(share)/lastseen/uap-core/regexes.yaml
	install -D -m 644 -t $(share)/lastseen/messages Sources/Messaging/Resources/*
	install -m 644 Sources/Publishing/Schemas/*.json $(share)/lastseen/schemas/
	install -m 644 README.md CHANGELOG.md LICENSE NOTICE $(share)/doc/lastseen/
	install -D -m 644 docs/report.png $(share)/doc/lastseen/docs/report.png
	$(PROGRAM) --generate-completion-script bash > $(share)/bash-completion/completions/lastseen
	$(PROGRAM) --generate-completion-script zsh > $(share)/zsh/site-functions/_lastseen
	$(PROGRAM) --generate-completion-script fish > $(share)/fish/vendor_completions.d/lastseen.fish

uninstall: ## Remove what install put there
	rm -rf $(DESTDIR)$(PREFIX)/bin/lastseen $(DESTDIR)$(PREFIX)/bin/lastseen-server $(share)/lastseen $(share)/doc/lastseen \
	    $(share)/bash-completion/completions/lastseen $(share)/zsh/site-functions/_lastseen \
	    $(share)/fish/vendor_completions.d/lastseen.fish

bench: build ## Measure the real pipeline on made-up records
	$(PROGRAM) bench

golden: ## Record the samples' alerts anew (fails on purpose: look at the difference)
	RECORD_GOLDEN=1 $(SWIFT) test --disable-xctest $(TEST_FLAGS) --filter SampleTests $(SWIFT_FLAGS)

docs: ## Make the documentation, .build/docs, to be put on a web server
	docc convert Sources/LastseenCommands/Documentation.docc --output-dir .build/docs \
	    --fallback-display-name Lastseen --fallback-bundle-identifier lastseen

rule-pages: ## Write the documentation's page of each rule anew
	$(SWIFT) run $(SWIFT_FLAGS) lastseen rules pages --rules rules

format: ## Lay out the Swift sources
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

lint: ## Tell where the layout is not as `make format` would have it
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests

clean: ## Remove what was built
	rm -rf .build demo-output
