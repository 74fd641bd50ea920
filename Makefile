# white_cross: the extension (through PGXS) and the worker.
#
#   make                 both
#   sudo make install    both, plus configuration example and systemd unit
#   make test | bench | demo | lint
#
# PG_CONFIG=/path/to/pg_config picks the PostgreSQL to build for.

EXTENSION = white_cross
WC_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" white_cross.control)
MODULE_big = white_cross
BUILD = build
PREFIX ?= /usr/local

CORE_SRC := $(sort $(wildcard src/core/*/*.cpp))
EXTENSION_SRC := $(sort $(wildcard src/extension/*.cpp))
OBJS = $(patsubst src/%.cpp,$(BUILD)/extension/%.o,$(CORE_SRC) $(EXTENSION_SRC))

DATA_built = $(BUILD)/$(EXTENSION)--$(WC_VERSION).sql
DATA = $(wildcard sql/$(EXTENSION)--*--*.sql)
EXTRA_CLEAN = $(BUILD)
SHLIB_LINK += -lstdc++

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
# PGXS would compile LLVM bitcode without the flags of this file.
override with_llvm := no

# `all` and `install` of PGXS come first, so that `make` builds the extension and then the worker.
all: worker
install: install-worker
include $(PGXS)

# One set of warnings for all that is ours; server and library headers count as system headers.
WARNINGS = -Wall -Wextra -Werror
OPTIMIZE ?= -O2 -g
STANDARD = -std=c++20 -MMD -MP
OUR_CXXFLAGS = $(STANDARD) $(OPTIMIZE) $(WARNINGS) -Isrc

# One line a file; V=1 shows the commands.
COMPILE = $(if $(V),,@echo "  CXX $<";) $(CXX) $(1) -c -o $@ $<

# ---------------------------------------------------------------------------------------------------------
# The extension.  Only SQL entry points are visible.  -Wno-register: server headers of 14 and 15 use the word.
# ---------------------------------------------------------------------------------------------------------
PG_INCLUDES = -isystem $(shell $(PG_CONFIG) --includedir-server) -isystem $(shell $(PG_CONFIG) --includedir)
EXTENSION_CXXFLAGS = $(OUR_CXXFLAGS) -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -Wno-register \
	-fno-strict-aliasing -fwrapv -D_GNU_SOURCE -DWC_VERSION='"$(WC_VERSION)"' $(PG_INCLUDES)

$(BUILD)/extension/%.o: src/%.cpp Makefile
	@mkdir -p $(@D)
	$(call COMPILE,$(EXTENSION_CXXFLAGS))

# In the order in which things need each other.
INSTALL_SQL = $(patsubst %,sql/install/%.sql,head tables changes binding summaries records search export vitals cache worker ddl operation indexes diagnose_tables diagnose_server diagnose growth privileges)

$(DATA_built): $(INSTALL_SQL) Makefile white_cross.control
	@mkdir -p $(@D)
	@for part in $(INSTALL_SQL); do cat $$part; echo; done > $@

# A copy of the installed extension inside the build tree, which clusters of tests find by extension_destdir.
STAGE = $(BUILD)/stage
.PHONY: stage
stage: all
	@$(MAKE) -s --no-print-directory install DESTDIR=$(abspath $(STAGE)) >/dev/null

# ---------------------------------------------------------------------------------------------------------
# The worker
# ---------------------------------------------------------------------------------------------------------
include worker/worker.mk
include test/test.mk

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
