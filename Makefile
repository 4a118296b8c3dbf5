# weir: `make` builds build/weir. `make help` lists the rest.
# SPDX-License-Identifier: Apache-2.0

CC      ?= gcc
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
PACKAGES = luajit yaml-0.1 libssl libcrypto
CFLAGS  ?= -O2 -g
OPTIONS  = -std=c11 -D_GNU_SOURCE -Icore -fvisibility=hidden -fno-strict-aliasing $(WARNINGS) \
           $(shell pkg-config --cflags luajit)
LIBS     = -lluajit-5.1 -lyaml -lev -lcrypto -lcap -lm

ROOMS    = base net share http conf pool rule txn api proc
SOURCES  = $(wildcard core/*.c core/*/*.c)
OBJECTS  = $(SOURCES:%.c=$(BUILD)/%.o)

all: $(BUILD)/weir

$(BUILD)/weir: $(OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(OPTIONS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Unit tests: one program per room, linked with that room and those below it only.
BELOW_base  = base
BELOW_net   = base net
BELOW_share = base share
BELOW_http  = base http
BELOW_conf  = base net conf
BELOW_rule  = base rule
BELOW_pool  = base net share conf pool
BELOW_txn   = base net share http conf pool rule txn
BELOW_api   = $(BELOW_txn) api
BELOW_proc  = $(BELOW_api) proc

define unit_rules
UNIT_SOURCES_$(1) = $$(wildcard t/unit/$(1)/*.c)
UNIT_OBJECTS_$(1) = $$(UNIT_SOURCES_$(1):%.c=$$(BUILD)/%.o) \
                    $$(patsubst %.c,$$(BUILD)/%.o,$$(foreach room,$$(BELOW_$(1)),$$(wildcard core/$$(room)/*.c)))
$$(BUILD)/unit/$(1): $$(UNIT_OBJECTS_$(1))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(UNIT_OBJECTS_$(1)) -lcriterion $$(LIBS)
unit-$(1): $$(BUILD)/unit/$(1)
	$$(BUILD)/unit/$(1)
endef
$(foreach room,$(ROOMS),$(eval $(call unit_rules,$(room))))

UNIT_ROOMS = $(foreach room,$(ROOMS),$(if $(wildcard t/unit/$(room)/*.c),$(room)))
unit: $(UNIT_ROOMS:%=unit-%)

clean:
	rm -rf $(BUILD)

.PHONY: all unit clean $(ROOMS:%=unit-%)
-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
