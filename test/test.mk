# Tests, demo and benchmarks.  Every suite runs on private servers that it starts and stops itself.
#
#   make test                                   all suites, then one line: N passed, N failed
#   make quick                                  without what takes long and says little new on a second machine
#   make check-unit check-regress …             one suite
#   make check-e2e PYTEST_OPTIONS="-k truncate" some of its tests
#   make check-opaque                           the same suite with opaque keys on all servers
#   make torture TORTURE_OPTIONS="--minutes 10"  the proof, for longer than the minute that `make test` gives it
#   make chaos CHAOS_OPTIONS="--seconds 600"     reads while tables, mappings and the extension change, for longer
#   make warm WARM_OPTIONS="--seconds 600"       the hunt for a summary from shared memory that differs, for longer
#   make load LOAD_OPTIONS="--minutes 1"         500 users over HTTP, with a report; ten minutes and steps beyond without options

# Debian's packages of psycopg, redis and pytest belong to Debian's Python.
# A server that was built without Python sets this to nothing.
ifeq ($(strip $(PYTHON)),)
PYTHON = /usr/bin/python3
endif
export PG_CONFIG
export WC_BUILD = $(abspath $(BUILD))
RUN_TESTS = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/run_tests.py

# ---- unit tests: the core and the worker without its main, with fake ports and clock ------------------------
UNIT_TESTS = $(BUILD)/test/unit-tests
FUZZ_CHECKS = $(sort $(wildcard test/fuzz/check_*.cpp))
UNIT_TEST_OBJS = $(patsubst test/%.cpp,$(BUILD)/test/%.o,$(sort $(wildcard test/unit/*.cpp)) $(FUZZ_CHECKS))

# The tests themselves are compiled without optimization: that takes half the time, and what they test is optimized.
$(UNIT_TEST_OBJS): $(BUILD)/test/%.o: test/%.cpp Makefile test/test.mk
	@mkdir -p $(@D)
	$(call COMPILE,$(OUR_CXXFLAGS) -O0 $(WORKER_SANITIZE) $(WORKER_INCLUDES) -I. -DWC_SOURCE='"$(CURDIR)"' -pthread)

# The worker's objects have the core among them.
$(UNIT_TESTS): $(UNIT_TEST_OBJS) $(WORKER_OBJS_NO_MAIN)
	@mkdir -p $(@D)
	$(CXX) $(OPTIMIZE) $(WORKER_SANITIZE) -o $@ $^ $(WORKER_LIBS) -lgmock -lgtest -lgtest_main -pthread

# ---- suites -----------------------------------------------------------------------------------------------
.PHONY: test quick lint check-lint check-unit check-regress check-isolation check-e2e check-opaque check-clients check-chaos check-warm check-torture chaos chaos-partitions warm warm-mutations client-mutations torture demo bench load picture

test: stage worker $(UNIT_TESTS)
	@$(RUN_TESTS)

quick: stage worker $(UNIT_TESTS)
	@$(RUN_TESTS) --quick

lint check-lint:
	@$(RUN_TESTS) lint

check-unit: $(UNIT_TESTS)
	@$(RUN_TESTS) unit

check-regress: stage
	@$(RUN_TESTS) regress

check-isolation: stage
	@$(RUN_TESTS) isolation

check-e2e: stage worker
	@$(RUN_TESTS) e2e -- $(PYTEST_OPTIONS)

# With opaque keys on all servers, which are searched for students.
check-opaque: stage worker
	@WC_OPAQUE_KEYS=1 $(RUN_TESTS) e2e -- $(PYTEST_OPTIONS)

# Of the same suite, those of clients/ and schema/.
check-clients: stage worker
	@$(RUN_TESTS) e2e -- -k "test_clients or test_answer_schemas"

# pg_upgrade from one PostgreSQL to another: make check-upgrade OLD_PG_CONFIG=… NEW_PG_CONFIG=…
# On a bare Debian, test/upgrade/run has the two.
UPGRADE = $(BUILD)/upgrade
.PHONY: check-upgrade
check-upgrade:
	@test -x "$(OLD_PG_CONFIG)" -a -x "$(NEW_PG_CONFIG)" || { echo "which two? make check-upgrade OLD_PG_CONFIG=/path/to/pg_config NEW_PG_CONFIG=/path/to/pg_config"; exit 2; }
	@$(OWN_LIBRARY); $(MAKE) -s --no-print-directory BUILD=$(UPGRADE)/old EXTENSION_ONLY=yes PG_CONFIG=$(OLD_PG_CONFIG) stage
	@$(OWN_LIBRARY); $(MAKE) -s --no-print-directory BUILD=$(UPGRADE)/new WORKER_BUILD=$(BUILD) PG_CONFIG=$(NEW_PG_CONFIG) stage worker
	@WC_BUILD=$(abspath $(UPGRADE))/new PG_CONFIG=$(NEW_PG_CONFIG) WC_OLD_PG_CONFIG=$(OLD_PG_CONFIG) WC_OLD_STAGE=$(abspath $(UPGRADE))/old/stage \
		$(RUN_TESTS) e2e -- -k test_pg_upgrade

check-torture: stage worker
	@$(RUN_TESTS) torture

check-chaos: stage
	@$(RUN_TESTS) chaos

check-warm: stage
	@$(RUN_TESTS) warm

warm: stage
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/warm/warm.py $(WARM_OPTIONS)

# Each condition taken out of the source in turn: who finds it?  MUTATIONS="own version" for some of them.
warm-mutations: stage
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/warm/mutations.py $(MUTATIONS)

# The same of the clients, of what they call and of examples/.  MUTATIONS="'node: rest' 'python: rest'" for some of them.
client-mutations: stage worker
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/e2e/client_mutations.py $(MUTATIONS)

chaos: stage
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/chaos/chaos.py $(CHAOS_OPTIONS)

chaos-partitions: stage
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/chaos/partitions.py $(CHAOS_OPTIONS)

torture: stage worker
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/torture/torture.py $(TORTURE_OPTIONS)

# Some suites by name: make check-suites SUITES="regress isolation"
check-suites: stage worker $(if $(filter unit,$(SUITES)),$(UNIT_TESTS))
	@$(RUN_TESTS) $(SUITES) -- $(PYTEST_OPTIONS)

# ---- other builds, each in a folder of its own ------------------------------------------------------------------
#   make check-assertions   on a PostgreSQL with assertions, built from Debian's source package
#   make check-postgres     that PostgreSQL's own tests, with the extension attached beside them and without
#   make check-asan         extension, worker and unit tests under ASan and UBSan
#   make check-tsan         worker and unit tests under TSan, end-to-end tests with that worker
#   make check-asan-worker  the same under ASan and UBSan
# Their suites can be chosen: make check-asan ASAN_SUITES=regress
.PHONY: check-suites check-assertions check-postgres check-asan check-tsan check-asan-worker
PG_MAJOR = $(shell $(PG_CONFIG) --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
ASSERTED = $(BUILD)/assertions/postgresql-$(PG_MAJOR)
ASSERTION_SUITES ?= regress isolation chaos
ASAN_SUITES ?= unit regress isolation chaos
TSAN_SUITES ?= unit e2e
ASAN_WORKER_SUITES ?= unit e2e
# Memory is measured without a sanitizer's own; what sanitizers slow down most says nothing new there.
SLOW_UNDER_SANITIZERS = not memory and not full_disk and not torture

# PGXS links white_cross.so into the source folder, whichever build it is for: what another build left there would be taken
# for up to date, and this one's would be for the next.
OWN_LIBRARY = rm -f white_cross.so; trap 'rm -f white_cross.so' EXIT

$(ASSERTED)/complete: test/assertions/build_postgres
	@test/assertions/build_postgres $(PG_MAJOR) $(ASSERTED)

check-assertions: $(ASSERTED)/complete
	@$(OWN_LIBRARY); $(MAKE) -s --no-print-directory BUILD=$(BUILD)/assertions/white_cross WORKER_BUILD=$(BUILD) \
		PG_CONFIG=$(abspath $(ASSERTED))/bin/pg_config check-suites SUITES="$(ASSERTION_SUITES)"

check-postgres: $(ASSERTED)/complete
	@$(OWN_LIBRARY); $(MAKE) -s --no-print-directory BUILD=$(BUILD)/assertions/white_cross WORKER_BUILD=$(BUILD) \
		PG_CONFIG=$(abspath $(ASSERTED))/bin/pg_config stage
	@PYTHONPATH=test WC_BUILD=$(abspath $(BUILD))/assertions/white_cross PG_CONFIG=$(abspath $(ASSERTED))/bin/pg_config \
		$(PYTHON) test/assertions/postgres_suites.py $(abspath $(ASSERTED))/source

# On the server with assertions, or on the installed one where that cannot be built and this starts with ASan's run-time library in
# it.  Debian 12's does not: it has translations, and bindtextdomain waits for ever for a lock of glibc's.
ASAN_PG_CONFIG = $$(if test -e $(ASSERTED)/complete; then echo $(abspath $(ASSERTED))/bin/pg_config; else echo $(PG_CONFIG); fi)
ASAN_FLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -Wno-maybe-uninitialized
check-asan:
	@test/assertions/build_postgres $(PG_MAJOR) $(ASSERTED) || test/assertions/starts_with_asan $(PG_CONFIG)
	@$(OWN_LIBRARY); WC_SERVER_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1 \
	$(MAKE) -s --no-print-directory BUILD=$(BUILD)/asan PG_CONFIG=$(ASAN_PG_CONFIG) OPTIMIZE="$(ASAN_FLAGS)" \
		SHLIB_LINK="-lstdc++ -fsanitize=address,undefined" check-suites SUITES="$(ASAN_SUITES)" \
		PYTEST_OPTIONS="-k '$(SLOW_UNDER_SANITIZERS)'"

check-tsan:
	@$(OWN_LIBRARY); TSAN_OPTIONS=halt_on_error=1 $(MAKE) -s --no-print-directory BUILD=$(BUILD)/tsan \
		WORKER_SANITIZE="-O1 -fno-omit-frame-pointer -fsanitize=thread -Wno-tsan" \
		check-suites SUITES="$(TSAN_SUITES)" PYTEST_OPTIONS="-k '$(SLOW_UNDER_SANITIZERS)'"

check-asan-worker:
	@$(OWN_LIBRARY); ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1 \
	$(MAKE) -s --no-print-directory BUILD=$(BUILD)/asan-worker \
		WORKER_SANITIZE="-O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined" \
		check-suites SUITES="$(ASAN_WORKER_SUITES)" PYTEST_OPTIONS="-k '$(SLOW_UNDER_SANITIZERS)'"

# ---- what share of the lines the tests run: make coverage ------------------------------------------------------------
#   make coverage COVERAGE_SUITES="unit regress"  with fewer suites; PYTEST_OPTIONS as for check-e2e
# A process that is killed has counted nothing: the figure is a lower bound.
COVERAGE = $(BUILD)/coverage
COVERAGE_SUITES ?= unit regress isolation e2e
COVERED = BUILD=$(COVERAGE) OPTIMIZE="-O0 -g --coverage" SHLIB_LINK="-lstdc++ --coverage"
.PHONY: coverage
coverage:
	@$(OWN_LIBRARY); $(MAKE) -s --no-print-directory $(COVERED) stage worker $(if $(filter unit,$(COVERAGE_SUITES)),$(COVERAGE)/test/unit-tests)
	@$(PYTHON) test/coverage.py clear $(COVERAGE)
	-@$(OWN_LIBRARY); $(MAKE) -s --no-print-directory $(COVERED) check-suites SUITES="$(COVERAGE_SUITES)"
	@$(PYTHON) test/coverage.py report $(COVERAGE)

# ---- mistakes that clang-tidy 14 finds: make tidy -------------------------------------------------------------------
# .clang-tidy says which checks, and why not others.  A file is checked again once its object has been made anew, so after the first
# time only what a change touches, by itself or through a header.  Some files: make tidy TIDY_SRC="worker/app/loop.cpp".
CLANG_TIDY ?= $(firstword $(shell command -v clang-tidy-14 clang-tidy) clang-tidy)
TIDY_SRC ?= $(CORE_SRC) $(EXTENSION_SRC) $(WORKER_SRC)
TIDY_ONE = @echo "  TIDY $<"; mkdir -p $(@D) && $(CLANG_TIDY) --quiet $< -- -std=c++20 -Isrc $(1) 2>$@.log || \
	{ grep -v ' warnings* generated' $@.log; exit 1; } && touch $@

.PHONY: tidy
tidy: $(TIDY_SRC:%.cpp=$(BUILD)/tidy/%.checked)

$(BUILD)/tidy/src/core/%.checked: src/core/%.cpp $(BUILD)/worker/core/%.o .clang-tidy
	$(call TIDY_ONE)

$(BUILD)/tidy/src/extension/%.checked: src/extension/%.cpp $(BUILD)/extension/extension/%.o .clang-tidy
	$(call TIDY_ONE,$(filter-out $(OUR_CXXFLAGS),$(EXTENSION_CXXFLAGS)))

$(BUILD)/tidy/worker/%.checked: worker/%.cpp $(BUILD)/worker/%.o .clang-tidy
	$(call TIDY_ONE,$(filter-out $(OUR_CXXFLAGS),$(WORKER_CXXFLAGS)))

# ---- fuzzing, for who has clang -------------------------------------------------------------------------------------
#   make fuzz                                   each check of test/fuzz for a minute, with ASan and UBSan
#   make fuzz FUZZ_TARGETS="reply token" FUZZ_SECONDS=600
# What it finds goes to build/fuzz; a file of it that matters goes to test/fuzz/corpus, which the unit tests replay.
FUZZ_CXX ?= clang++
FUZZ_TARGETS ?= $(patsubst test/fuzz/check_%.cpp,%,$(FUZZ_CHECKS))
FUZZ_SECONDS ?= 60
FUZZ_SEED ?= 0
FUZZED_SRC = $(CORE_SRC) $(filter-out worker/config/command_line.cpp,$(sort $(wildcard $(patsubst %,worker/%/*.cpp,redis config process destinations)))) \
	worker/pg/target.cpp $(patsubst %,worker/http/%.cpp,access client message)
FUZZED_OBJS = $(FUZZED_SRC:%.cpp=$(BUILD)/fuzz/%.o)
FUZZ_PROGRAMS = $(FUZZ_TARGETS:%=$(BUILD)/fuzz/fuzz-%)
FUZZ_SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CXXFLAGS = $(STANDARD) -O1 -g -DWC_VERSION='"$(WC_VERSION)"' $(WARNINGS) $(FUZZ_SANITIZE) -fsanitize=fuzzer-no-link -Isrc -I. $(WORKER_INCLUDES)

.PHONY: fuzz
fuzz: $(FUZZ_PROGRAMS)
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/fuzz/fuzz.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED) $(FUZZ_PROGRAMS)

$(BUILD)/fuzz/%.o: %.cpp
	@mkdir -p $(@D)
	@echo "  FUZZ $<"; $(FUZZ_CXX) $(FUZZ_CXXFLAGS) -c -o $@ $<
$(BUILD)/fuzz/worker/redis/library.o: $(WORKER_BUILD)/worker/redis/library.lua.inc

# Of an archive, a program has only what its check needs.
$(BUILD)/fuzz/fuzzed.a: $(FUZZED_OBJS)
	@rm -f $@; ar rcs $@ $^

$(FUZZ_PROGRAMS): $(BUILD)/fuzz/fuzz-%: test/fuzz/fuzz.cpp $(BUILD)/fuzz/test/fuzz/check_%.o $(BUILD)/fuzz/fuzzed.a
	@echo "  FUZZ $@"; $(FUZZ_CXX) $(FUZZ_CXXFLAGS) -fsanitize=fuzzer -DWC_FUZZED=check_$* -o $@ $(filter %.cpp %.o %.a,$^) $(WORKER_LIBS)

# ---- demo and figures -------------------------------------------------------------------------------------
demo: stage worker
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) demo/demo.py $(DEMO_OPTIONS)

bench: stage worker
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/bench/bench.py $(BENCH_OPTIONS)

# The guide's load test: 500 users over HTTP.  LOAD_OPTIONS="--minutes 1 --no-steps" for less of it.
load: stage worker
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/load/load_run.py $(LOAD_OPTIONS)

# ---- the picture in the documents ------------------------------------------------------------------------------
picture: stage
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) docs/growth_chart.py

# ---- Google Benchmark for the core --------------------------------------------------------------------------
CORE_BENCHMARK = $(BUILD)/bench/core-benchmark
CORE_OBJS = $(patsubst src/%.cpp,$(WORKER_BUILD)/worker/%.o,$(CORE_SRC))

$(BUILD)/bench/%.o: test/bench/%.cpp
	@mkdir -p $(@D)
	$(call COMPILE,$(OUR_CXXFLAGS) -I.)

$(CORE_BENCHMARK): $(BUILD)/bench/core_benchmark.o $(BUILD)/bench/growth_benchmark.o $(CORE_OBJS)
	$(CXX) $(OPTIMIZE) -o $@ $^ -lbenchmark -pthread

# Statements in turns on the same connections: test/bench/warm.py
SLICES = $(BUILD)/bench/slices
$(SLICES): test/bench/slices.cpp
	@mkdir -p $(@D)
	$(CXX) -std=c++20 -O2 $(WARNINGS) -isystem $(shell $(PG_CONFIG) --includedir) -o $@ $< -L$(shell $(PG_CONFIG) --libdir) -lpq

# A library that writes lines to the server's log: test/bench/audit.py
LOG_LINES = $(BUILD)/bench/log_lines.so
$(LOG_LINES): test/bench/log_lines.cpp src/extension/server/log_line.hpp src/extension/server/prelude.hpp
	@mkdir -p $(@D)
	$(CXX) $(EXTENSION_CXXFLAGS) -shared -o $@ $<

bench: $(CORE_BENCHMARK) $(SLICES) $(LOG_LINES)
