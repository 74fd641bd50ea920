# wc-worker, the daemon.  Included by the Makefile of the project.
#
#   make worker          build/wc-worker
#   make install-worker  binary, example configurations of it and of Redis, systemd unit
#
# Heavy headers (httplib, toml++, CLI11, spdlog, prometheus, JSON) are each included by one .cpp alone.

WORKER = $(BUILD)/wc-worker
WORKER_PACKAGES = libpq openssl hiredis spdlog fmt tomlplusplus cpp-httplib prometheus-cpp-core nlohmann_json CLI11
WORKER_SRC := $(sort $(wildcard worker/*.cpp worker/*/*.cpp))
WORKER_OBJS = $(patsubst worker/%.cpp,$(BUILD)/worker/%.o,$(WORKER_SRC)) $(patsubst src/%.cpp,$(BUILD)/worker/%.o,$(CORE_SRC))
WORKER_OBJS_NO_MAIN = $(filter-out $(BUILD)/worker/main.o,$(WORKER_OBJS))

# Their headers are not ours to mend: as system headers they give no warnings.  hiredis is included as <hiredis/hiredis.h>.
WORKER_PACKAGE_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(WORKER_PACKAGES)))
WORKER_INCLUDES = -Iworker -I$(BUILD)/worker $(WORKER_PACKAGE_CFLAGS)
WORKER_LIBS := $(shell pkg-config --libs $(WORKER_PACKAGES)) -pthread
WORKER_CXXFLAGS = $(OUR_CXXFLAGS) $(WORKER_INCLUDES) -pthread -DWC_VERSION='"$(WC_VERSION)"'

.PHONY: worker install-worker
worker: $(WORKER)

$(WORKER): $(WORKER_OBJS)
	$(CXX) $(OPTIMIZE) -o $@ $^ $(WORKER_LIBS)

$(BUILD)/worker/%.o: worker/%.cpp Makefile worker/worker.mk
	@mkdir -p $(@D)
	$(call COMPILE,$(WORKER_CXXFLAGS))

$(BUILD)/worker/core/%.o: src/core/%.cpp Makefile worker/worker.mk
	@mkdir -p $(@D)
	$(call COMPILE,$(WORKER_CXXFLAGS))

# The Redis function library becomes a string of the program.
$(BUILD)/worker/redis/white_cross.lua.inc: worker/redis/white_cross.lua
	@mkdir -p $(@D)
	{ printf 'R"lua('; cat $<; printf ')lua"\n'; } > $@
$(BUILD)/worker/redis/library.o: $(BUILD)/worker/redis/white_cross.lua.inc

install-worker: worker
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/white_cross' '$(DESTDIR)$(PREFIX)/lib/systemd/system'
	install -m 755 $(WORKER) '$(DESTDIR)$(PREFIX)/bin/wc-worker'
	install -m 644 config/worker.toml config/redis.conf config/users.acl '$(DESTDIR)$(PREFIX)/share/white_cross'
	sed 's|@PREFIX@|$(PREFIX)|g' config/systemd/wc-worker.service \
		> '$(DESTDIR)$(PREFIX)/lib/systemd/system/wc-worker.service'
