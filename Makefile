# white_cross: the extension (through PGXS) and the worker.
#
#   make                 both
#   sudo make install    both, plus configuration example and systemd unit
#   sudo make uninstall  removes what install made
#   make test | bench | demo | lint
#   make installcheck    the regression and isolation tests against a running server
#
# PG_CONFIG=/path/to/pg_config picks the PostgreSQL to build for.  CPPFLAGS, CXXFLAGS and LDFLAGS, in the environment or given to make,
# are added to ours.  Out of tree, as PGXS does it: make -f SOURCE/Makefile VPATH=SOURCE in an empty folder.  Build only then, and keep
# SOURCE without a build of its own: make would take its files for up to date.

# The source folder with a slash, or nothing where that is the current one.
SOURCE := $(patsubst ./,,$(or $(addsuffix /,$(VPATH)),$(dir $(firstword $(MAKEFILE_LIST)))))
# Files of the source by pattern, as rules name them: without that folder.
sources = $(patsubst $(SOURCE)%,%,$(wildcard $(addprefix $(SOURCE),$(1))))

EXTENSION = white_cross
WC_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(SOURCE)white_cross.control)
MODULE_big = white_cross
BUILD = build
PREFIX ?= /usr/local

CORE_SRC := $(sort $(call sources,src/core/*/*.cpp))
EXTENSION_SRC := $(sort $(call sources,src/extension/*.cpp src/extension/*/*.cpp))
OBJS = $(patsubst src/%.cpp,$(BUILD)/extension/%.o,$(CORE_SRC) $(EXTENSION_SRC))

DATA_built = $(BUILD)/$(EXTENSION)--$(WC_VERSION).sql
DATA = $(call sources,sql/$(EXTENSION)--*--*.sql)

# make installcheck: against a running server that has the extension installed (PGHOST, PGPORT, PGUSER tell which).  The same
# cases as make check-regress and make check-isolation, which need no server.
REGRESS = $(sort $(patsubst expected/%.out,%,$(wildcard expected/*.out)))
REGRESS_OPTS = --inputdir=. --outputdir=$(BUILD)/installcheck --encoding=UTF8
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=$(BUILD)/installcheck --encoding=UTF8
EXTRA_CLEAN = $(BUILD)
SHLIB_LINK += -lstdc++

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
# PGXS would compile LLVM bitcode without the flags of this file.
override with_llvm := no

# What a packager asks for.  PGXS sets the same variables for itself, so that this comes before it.
given = $(if $(filter environment command,$(firstword $(origin $(1)))),$($(1)))
GIVEN_CXXFLAGS := $(call given,CPPFLAGS) $(call given,CXXFLAGS)
GIVEN_LDFLAGS := $(call given,LDFLAGS)
PG_LDFLAGS = $(GIVEN_LDFLAGS)

# `all` and `install` of PGXS come first, so that `make` builds the extension and then the worker.
# EXTENSION_ONLY=yes leaves the worker out, for who builds for several PostgreSQL.
all: $(if $(EXTENSION_ONLY),,worker)
install: $(if $(EXTENSION_ONLY),,install-worker)
uninstall: $(if $(EXTENSION_ONLY),,uninstall-worker)
include $(PGXS)

# What PGXS has made of them is not what was given: a make that a recipe calls must not take it for that.
unexport CPPFLAGS CXXFLAGS LDFLAGS

# One set of warnings for all that is ours; server and library headers count as system headers.
WARNINGS = -Wall -Wextra -Werror
OPTIMIZE ?= -O2 -g
STANDARD = -std=c++20 -MMD -MP
OUR_CXXFLAGS = $(STANDARD) $(OPTIMIZE) $(WARNINGS) -I$(SOURCE)src

# One line a file; V=1 shows the commands.
COMPILE = $(if $(V),,@echo "  CXX $<";) $(CXX) $(1) $(GIVEN_CXXFLAGS) -c -o $@ $<

# ---------------------------------------------------------------------------------------------------------
# The extension.  Only SQL entry points are visible.  -Wno-register: server headers of 14 and 15 use the word.
# ---------------------------------------------------------------------------------------------------------
PG_INCLUDES := -isystem $(shell $(PG_CONFIG) --includedir-server) -isystem $(shell $(PG_CONFIG) --includedir)
EXTENSION_CXXFLAGS = $(OUR_CXXFLAGS) -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -Wno-register \
	-fno-strict-aliasing -fwrapv -D_GNU_SOURCE -DWC_VERSION='"$(WC_VERSION)"' $(PG_INCLUDES)

$(BUILD)/extension/%.o: src/%.cpp Makefile white_cross.control
	@mkdir -p $(@D)
	$(call COMPILE,$(EXTENSION_CXXFLAGS))

# In the order in which things need each other.
INSTALL_SQL = $(patsubst %,sql/install/%.sql,head tables changes watch binding summaries summary_cache records search export vitals cache worker targets ddl operation performance indexes row_functions diagnose_tables diagnose_labels diagnose_sexes diagnose_partitions diagnose_workers diagnose_keys diagnose_server diagnose_schemas diagnose_set_aside diagnose_targets diagnose_summary_cache diagnose_settings diagnose_audit diagnose growth jsonb help privileges)

$(DATA_built): $(INSTALL_SQL) Makefile white_cross.control
	@mkdir -p $(@D)
	@for part in $(filter %.sql,$^); do cat $$part; echo; done > $@

# A copy of the installed extension inside the build tree, which clusters of tests find by a setting.
STAGE = $(BUILD)/stage
.PHONY: stage
stage: all
	@$(MAKE) -s --no-print-directory install DESTDIR=$(abspath $(STAGE)) >/dev/null

# ---------------------------------------------------------------------------------------------------------
# The worker
# ---------------------------------------------------------------------------------------------------------
include $(SOURCE)worker/worker.mk
include $(SOURCE)test/test.mk

# Those of a PostgreSQL that tests built below are not ours.
-include $(shell find $(BUILD) -path '*/postgresql-*' -prune -o -name '*.d' -print 2>/dev/null)
