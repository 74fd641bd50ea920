# Tests, demo and benchmarks.  Every suite runs on private servers that it starts and stops itself.
#
#   make test                                   all suites, then one line: N passed, N failed
#   make check-unit check-regress …             one suite
#   make check-e2e PYTEST_OPTIONS="-k truncate" some of its tests
#   make torture TORTURE_OPTIONS="--minutes 10"  the proof, for longer than the minute that `make test` gives it

# Debian's packages of psycopg, redis and pytest belong to Debian's Python.
PYTHON ?= /usr/bin/python3
export PG_CONFIG
RUN_TESTS = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/run_tests.py

# ---- unit tests: the core and the worker without its main, with fake ports and clock ------------------------
UNIT_TESTS = $(BUILD)/test/unit-tests
FUZZ_CHECKS = $(sort $(wildcard test/fuzz/check_*.cpp))
UNIT_TEST_OBJS = $(patsubst test/%.cpp,$(BUILD)/test/%.o,$(sort $(wildcard test/unit/*.cpp)) $(FUZZ_CHECKS))

$(UNIT_TEST_OBJS): $(BUILD)/test/%.o: test/%.cpp Makefile test/test.mk
	@mkdir -p $(@D)
	$(call COMPILE,$(OUR_CXXFLAGS) $(WORKER_INCLUDES) -I. -DWC_SOURCE='"$(CURDIR)"' -pthread)

# The worker's objects have the core among them.
$(UNIT_TESTS): $(UNIT_TEST_OBJS) $(WORKER_OBJS_NO_MAIN)
	@mkdir -p $(@D)
	$(CXX) $(OPTIMIZE) -o $@ $^ $(WORKER_LIBS) -lgmock -lgtest -lgtest_main -pthread

# ---- suites -----------------------------------------------------------------------------------------------
.PHONY: test lint check-lint check-unit check-regress check-isolation check-e2e check-torture torture demo bench picture

test: stage worker $(UNIT_TESTS)
	@$(RUN_TESTS)

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

check-torture: stage worker
	@$(RUN_TESTS) torture

torture: stage worker
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/torture/torture.py $(TORTURE_OPTIONS)

# ---- fuzzing, for who has clang: make fuzz FUZZ_OPTIONS=-max_total_time=600 -------------------------------------
# What it finds goes to build/fuzz; a file of it that matters goes to test/fuzz/corpus, which the unit tests replay.
FUZZ_CXX ?= clang++
FUZZ_OPTIONS ?= -max_total_time=60
FUZZED = search json
FUZZED_CORE = src/core/search/*.cpp src/core/json/*.cpp

.PHONY: fuzz
fuzz: $(FUZZED:%=$(BUILD)/fuzz/%)
	@for what in $(FUZZED); do mkdir -p $(BUILD)/fuzz/found/$$what && \
		$(BUILD)/fuzz/$$what -artifact_prefix=$(BUILD)/fuzz/$$what- $(FUZZ_OPTIONS) $(BUILD)/fuzz/found/$$what test/fuzz/corpus/$$what || exit; done

$(BUILD)/fuzz/%: test/fuzz/fuzz_%.cpp $(FUZZ_CHECKS) $(wildcard $(FUZZED_CORE) src/core/search/*.hpp src/core/json/*.hpp test/fuzz/*.hpp)
	@mkdir -p $(@D)
	$(FUZZ_CXX) -std=c++20 -O1 -g $(WARNINGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Isrc -I. -o $@ \
		$< test/fuzz/check_$*.cpp $(wildcard $(FUZZED_CORE))

# ---- demo and figures -------------------------------------------------------------------------------------
demo: stage worker
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) demo/demo.py $(DEMO_OPTIONS)

bench: stage worker
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) test/bench/bench.py $(BENCH_OPTIONS)

# ---- the picture in the README ------------------------------------------------------------------------------
picture: stage
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) docs/growth_chart.py

# ---- Google Benchmark for the core --------------------------------------------------------------------------
CORE_BENCHMARK = $(BUILD)/bench/core-benchmark
CORE_OBJS = $(patsubst src/%.cpp,$(BUILD)/worker/%.o,$(CORE_SRC))

$(BUILD)/bench/%.o: test/bench/%.cpp
	@mkdir -p $(@D)
	$(call COMPILE,$(OUR_CXXFLAGS))

$(CORE_BENCHMARK): $(BUILD)/bench/core_benchmark.o $(BUILD)/bench/growth_benchmark.o $(CORE_OBJS)
	$(CXX) $(OPTIMIZE) -o $@ $^ -lbenchmark -pthread

bench: $(CORE_BENCHMARK)
