# weir: `make` builds build/weir. `make help` lists the rest.
# SPDX-License-Identifier: Apache-2.0

ifeq ($(origin CC),default)
CC = gcc
endif
BUILD   ?= build
Q        = $(if $(V),,@)# make V=1 shows whole commands
PREFIX  ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
CASES   ?= 3000
SEED    ?= 1
PYTHON  = /usr/bin/python3

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
LUAJIT  := $(shell pkg-config --cflags luajit 2>/dev/null)
# Optimised as a whole program when it is linked; the objects hold plain code as well, for the unit
# programs and for t/lint/layers.sh. -O3: 5 % fewer instructions per request than -O2.
LTO      = $(if $(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)
CFLAGS  ?= -O3 -g $(LTO)
OPTIONS  = -std=c11 -D_GNU_SOURCE -Icore -fvisibility=hidden -fno-strict-aliasing $(WARNINGS) \
           $(LUAJIT)
LIBS     = -lluajit-5.1 -lyaml -lev -lcares -lpcre2-8 -lmaxminddb -lssl -lcrypto -lcap -lsystemd -ljansson -lz \
           -lbrotlidec -lbrotlienc -lm

ROOMS    = base net share tls dns http text lookup conf cache pool rule fetch txn api admin proc test
SOURCES  = $(wildcard core/*.c core/*/*.c)
OBJECTS  = $(SOURCES:%.c=$(BUILD)/%.o)

all: $(BUILD)/weir

$(BUILD)/weir: $(OBJECTS)
	@echo '  LD  $@'
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(OPTIONS) $(CFLAGS) -MMD -MP -c -o $@ $<

# They hold the file, see there.
$(BUILD)/core/rule/rule_vm.o: lua/sandbox.lua
$(BUILD)/core/test/test_file.o: lua/test.lua

# Unit tests: one program per room, linked with that room and those below it only.
BELOW_base  = base
BELOW_net   = base net
BELOW_share = base share
BELOW_http  = base http
BELOW_text  = base text
BELOW_lookup = base net lookup
BELOW_conf  = base net conf
BELOW_rule  = base net rule
BELOW_cache = base share http cache
BELOW_pool  = base net share conf pool
BELOW_tls   = base net tls
BELOW_dns   = base net dns
BELOW_fetch = base net tls dns http fetch
BELOW_txn   = base net share tls dns http text lookup conf cache pool rule fetch txn
BELOW_api   = $(BELOW_txn) api
BELOW_admin = $(BELOW_txn) admin
BELOW_proc  = $(BELOW_api) admin proc
BELOW_test  = $(BELOW_proc) test

define unit_rules
UNIT_SOURCES_$(1) = $$(wildcard t/unit/$(1)/*.c)
UNIT_OBJECTS_$(1) = $$(UNIT_SOURCES_$(1):%.c=$$(BUILD)/%.o) \
                    $$(patsubst %.c,$$(BUILD)/%.o,$$(foreach room,$$(BELOW_$(1)),$$(wildcard core/$$(room)/*.c)))
$$(BUILD)/unit/$(1): $$(UNIT_OBJECTS_$(1))
	@mkdir -p $$(@D)
	@echo '  LD  $$@'
	$$(Q)$$(CC) $$(CFLAGS) -fno-lto $$(LDFLAGS) -o $$@ $$(UNIT_OBJECTS_$(1)) -lcriterion $$(LIBS)
unit-$(1): $$(BUILD)/unit/$(1)
	$$(BUILD)/unit/$(1)
endef
$(foreach room,$(ROOMS),$(eval $(call unit_rules,$(room))))

UNIT_ROOMS = $(foreach room,$(ROOMS),$(if $(wildcard t/unit/$(room)/*.c),$(room)))
unit-programs: $(UNIT_ROOMS:%=$(BUILD)/unit/%)

# All programs run, also behind one that fails.
unit: unit-programs
	@failed=; for room in $(UNIT_ROOMS); do \
		echo "unit: $$room"; $(BUILD)/unit/$$room || failed="$$failed $$room"; \
	done; test -z "$$failed" || { echo "unit: failed:$$failed" >&2; exit 1; }

# System tests: weir as a whole, on real sockets. They mostly wait: several at a time, each process in
# a network namespace of its own.
FLOW_JOBS ?= $(shell echo $$(($$(nproc) * 3 + 2)))
flow: $(BUILD)/weir
	WEIR=$(abspath $(BUILD)/weir) $(PYTHON) -m pytest -p no:cacheprovider -n $(FLOW_JOBS) t/flow

# The rules of rules/, offline: in well under a second.
test-rules: $(BUILD)/weir
	$(BUILD)/weir test --coverage rules

# ---- first commands ----------------------------------------------------------------------------
# What they need is installed first; then make starts anew, because it finds more than before.
# JOBS: one job per processor unless the caller said -j.

JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
MAKEFLAGS += --no-print-directory

deps:
	@packaging/deps.sh

test: deps
	$(MAKE) $(JOBS) all unit-programs
	$(MAKE) unit
	$(MAKE) test-rules
	$(MAKE) flow

check: deps
	$(MAKE) BUILD=$(BUILD)/asan CFLAGS='$(SANITIZE)' test

# The main job, shown on real sockets.
demo: deps
	$(MAKE) $(JOBS) all
	WEIR=$(abspath $(BUILD)/weir) t/demo/run

SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
           -fno-omit-frame-pointer

# ---- lint: what the compiler does not see ------------------------------------------------------

lint: deps
	$(MAKE) $(JOBS) --keep-going lint-all
lint-all: lint-layers lint-house lint-format lint-tidy lint-lua lint-shell lint-reference

lint-layers: all
	t/lint/layers_test.sh
	t/lint/layers.sh $(BUILD)

lint-house:
	$(PYTHON) t/lint/house.py

C_FILES = $(wildcard core/*.[ch] core/*/*.[ch] t/unit/*/*.[ch] t/fuzz/*.[ch] t/fuzz/*/*.[ch])
lint-format:
	@clang-format --dry-run -Werror $(C_FILES) || { echo "run 'make format'" >&2; exit 1; }

# Writes the layout that lint-format wants.
format:
	clang-format -i $(C_FILES)

lint-tidy: $(SOURCES:%.c=$(BUILD)/lint/%.tidy)

# The object knows which headers its source has: what none of them changed is not analysed again.
$(BUILD)/lint/%.tidy: %.c $(BUILD)/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo '  TIDY $<'
	@clang-tidy --quiet $< -- $(filter-out $(WARNINGS),$(OPTIONS)) 2>$@.log || \
		{ cat $@.log >&2; exit 1; }
	@touch $@

lint-lua:
	luacheck --quiet $(wildcard lua rules)

SHELL_FILES = .ci/run $(wildcard packaging/*.sh t/*/*.sh)
lint-shell:
	shellcheck $(SHELL_FILES)

# What is written from the tables in the code: never by hand.
REFERENCES = conf/weir.schema.json=schema docs/configuration.md=config docs/rules.md=rules \
             docs/refusals.md=refusals              lua/weir.lua=stubs
reference: $(BUILD)/weir
	@for pair in $(REFERENCES); do $(BUILD)/weir reference $${pair#*=} >$${pair%=*}; done

lint-reference: all
	@failed=; for pair in $(REFERENCES); do \
		$(BUILD)/weir reference $${pair#*=} | cmp -s - $${pair%=*} || failed="$$failed $${pair%=*}"; \
	done; test -z "$$failed" || { echo "out of date, run 'make reference':$$failed" >&2; exit 1; }

# ---- the rest ----------------------------------------------------------------------------------

# Random input for SECONDS or RUNS each, for all targets or those in FUZZ; what leads to something new
# stays in $(BUILD)/fuzz/corpus, what breaks something in $(BUILD)/fuzz/found: t/fuzz/README.md.
FUZZERS = $(patsubst t/fuzz/%.c,%,$(wildcard t/fuzz/*.c))
FUZZ   ?= $(FUZZERS)
FUZZ_OBJECTS = $(patsubst %.c,$(BUILD)/fuzz/%.o,$(filter-out core/main.c,$(SOURCES)))
FUZZ_FLAGS = -O2 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined

fuzz: deps
	$(MAKE) $(JOBS) $(FUZZ:%=$(BUILD)/fuzz/bin/%)
	@for name in $(FUZZ); do \
		t/fuzz/run.sh $(BUILD)/fuzz $$name $(if $(RUNS),-runs=$(RUNS),-max_total_time=$(SECONDS)) || exit 1; \
	done

# Each target takes its own seeds and a few inputs more, the same every time: for .ci/run, which is to
# say whether a change is good, not whether a dice fell well. What is new is looked for by `make fuzz`.
SMOKE_RUNS = 2000
fuzz-smoke: deps
	$(MAKE) $(JOBS) $(FUZZERS:%=$(BUILD)/fuzz/bin/%)
	$(MAKE) $(JOBS) --output-sync $(FUZZERS:%=fuzz-smoke-%)
fuzz-smoke-%: $(BUILD)/fuzz/bin/%
	@t/fuzz/run.sh --same $(BUILD)/fuzz/smoke $* -runs=$(SMOKE_RUNS)

# An archive, so that a fuzzer takes only the rooms that it needs.
$(BUILD)/fuzz/core.a: $(FUZZ_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

# What some of them share.
$(BUILD)/fuzz/bin/exchange: $(patsubst %.c,$(BUILD)/fuzz/%.o,$(wildcard t/fuzz/exchange/*.c))
$(BUILD)/fuzz/bin/http_request $(BUILD)/fuzz/bin/http_response $(BUILD)/fuzz/bin/http_body: \
	$(BUILD)/fuzz/t/fuzz/exchange/model.o
$(BUILD)/fuzz/bin/rule_load $(BUILD)/fuzz/bin/rule_pattern: \
	$(patsubst %.c,$(BUILD)/fuzz/%.o,$(wildcard t/fuzz/rule/*.c))
$(BUILD)/fuzz/bin/%: $(BUILD)/fuzz/t/fuzz/%.o $(BUILD)/fuzz/t/fuzz/steady/chance.o $(BUILD)/fuzz/core.a
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $(filter-out %.a,$^) $(filter %.a,$^) $(LIBS)

$(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)clang $(filter-out $(WARNINGS),$(OPTIONS)) $(FUZZ_FLAGS) $(FUZZ_COVERAGE) -MMD -MP -c -o $@ $<

# Made on the way to a target only, but wanted again.
.PRECIOUS: $(BUILD)/fuzz/%.o $(BUILD)/fuzz/bin/%

# What input leads to is looked at in the code under test, not in what surrounds it.
FUZZ_COVERAGE = -fsanitize-coverage=inline-8bit-counters,pc-table
$(BUILD)/fuzz/core/txn/txn_body.o: FUZZ_COVERAGE += -DSPLICE_LEAST=300
$(BUILD)/fuzz/core/base/clock.o: FUZZ_FLAGS += -include t/fuzz/steady.h
$(BUILD)/fuzz/t/fuzz/%.o: FUZZ_COVERAGE =
$(BUILD)/fuzz/t/fuzz/exchange/%.o $(BUILD)/fuzz/t/fuzz/steady/%.o: FUZZ_FLAGS = -O2 -g -fno-builtin

# The same bytes through weir and straight to five servers: t/differential/README.md.
differential: deps
	$(MAKE) $(JOBS) all
	t/differential/run --weir $(abspath $(BUILD)/weir) -n $(CASES) --seed $(SEED) \
		-o $(BUILD)/differential

# Side by side with other proxies: t/bench/README.md. BENCH: options of t/bench/run.
BENCH ?=
BENCH_PROGRAMS = $(patsubst %,$(BUILD)/bench/%,client backend neighbour floor)

bench:
	packaging/deps.sh build bench
	t/bench/unpack_nginx_modules.sh $(abspath $(BUILD)/bench/nginx-modules)
	$(MAKE) $(JOBS) all $(BENCH_PROGRAMS)
	t/bench/run --weir $(abspath $(BUILD)/weir) --programs $(BUILD)/bench -o $(BUILD)/bench $(BENCH)

# User instructions per request, held against t/bench/instructions.txt. COUNT: options of t/bench/count.
COUNT ?=
count: deps
	$(MAKE) $(JOBS) all $(BENCH_PROGRAMS)
	t/bench/count --weir $(abspath $(BUILD)/weir) --programs $(BUILD)/bench $(COUNT)

$(BUILD)/bench/%: t/bench/%.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(OPTIONS) $(CFLAGS) -o $@ $<

install: all
	install -D -m 755 $(BUILD)/weir $(DESTDIR)$(PREFIX)/bin/weir
	install -d $(DESTDIR)$(PREFIX)/share/weir/conf $(DESTDIR)$(PREFIX)/share/weir/rules/test \
		$(DESTDIR)$(PREFIX)/share/weir/lua $(DESTDIR)$(PREFIX)/share/doc/weir
	install -m 644 conf/* $(DESTDIR)$(PREFIX)/share/weir/conf
	install -m 644 rules/*.lua $(DESTDIR)$(PREFIX)/share/weir/rules
	install -m 644 rules/test/*.lua $(DESTDIR)$(PREFIX)/share/weir/rules/test
	install -m 644 lua/weir.lua $(DESTDIR)$(PREFIX)/share/weir/lua
	install -m 644 README.md LICENSE docs/*.md $(DESTDIR)$(PREFIX)/share/doc/weir
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' packaging/weir.service.in \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service

clean:
	rm -rf $(BUILD)

help:
	@echo 'make           build $(BUILD)/weir'
	@echo 'make deps      install the Debian packages that weir is built, tested and checked with'
	@echo 'make test      deps, build, unit and system tests'
	@echo 'make demo      deps, build, then the main job in three network namespaces'
	@echo 'make check     make test under the address and undefined-behaviour sanitizers'
	@echo 'make lint      floor plan, clang-tidy, luacheck, format, sizes, licence lines'
	@echo 'make format    write the layout that lint asks for'
	@echo 'make fuzz      SECONDS=60 (or RUNS=..) of random input for each target (or FUZZ=..)'
	@echo 'make fuzz-smoke all seeds and 2,000 inputs for each target'
	@echo 'make differential CASES=3000 SEED=1: the same bytes through weir and straight to five servers'
	@echo 'make bench     weir beside haproxy, nginx and h2o: CPU per request and more (root)'
	@echo 'make count     user instructions per request, against those of t/bench/instructions.txt'
	@echo 'make unit      unit tests only; make unit-ROOM: of one room: $(ROOMS)'
	@echo 'make test-rules the tests of rules/ only'
	@echo 'make flow      system tests only'
	@echo 'make reference write docs/, the JSON Schema and the editor stubs from the code'
	@echo 'make install   into $$DESTDIR$$PREFIX ($(DESTDIR)$(PREFIX))'
	@echo 'make clean     remove $(BUILD)'

.PHONY: all test-rules bench clean count deps demo differential test check unit unit-programs flow install help fuzz \
        fuzz-smoke format reference lint-reference \
        lint lint-all lint-layers lint-house lint-format lint-tidy lint-lua lint-shell \
        $(ROOMS:%=unit-%)
-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
