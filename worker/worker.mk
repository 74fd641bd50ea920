# wc-worker, the daemon.  Included by the Makefile of the project.
#
#   make worker          build/wc-worker
#   make install-worker  binary, example configurations of it and of Redis, systemd unit, manual pages, bash completion
#   make uninstall-worker
#   make sbom            build/white_cross.spdx.json: what both products are made of
#
# Heavy headers (toml++, CLI11, spdlog, prometheus, JSON, curl) are each included by one .cpp alone.

WORKER = $(BUILD)/wc-worker
# Where its objects are: builds that differ in the server alone share them.
WORKER_BUILD = $(BUILD)
WORKER_PACKAGES = libpq openssl hiredis spdlog fmt tomlplusplus prometheus-cpp-core nlohmann_json CLI11 libcurl zlib
WORKER_SRC := $(sort $(call sources,worker/*.cpp worker/*/*.cpp))
WORKER_OBJS = $(patsubst worker/%.cpp,$(WORKER_BUILD)/worker/%.o,$(WORKER_SRC)) $(patsubst src/%.cpp,$(WORKER_BUILD)/worker/%.o,$(CORE_SRC))
WORKER_OBJS_NO_MAIN = $(filter-out $(WORKER_BUILD)/worker/main.o,$(WORKER_OBJS))

# Their headers are not ours to mend: as system headers they give no warnings.  hiredis is included as <hiredis/hiredis.h>.
WORKER_PACKAGE_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(WORKER_PACKAGES)))
WORKER_INCLUDES = -I$(SOURCE)worker -I$(WORKER_BUILD)/worker $(WORKER_PACKAGE_CFLAGS)
WORKER_LIBS := $(shell pkg-config --libs $(WORKER_PACKAGES)) -pthread
# Of the checkout, if this folder is the top of one: a tarball may lie in the checkout of something else.  A packager gives what the source
# of the package knows too.
ifeq ($(origin WC_REVISION),undefined)
WC_REVISION := $(or $(shell cd $(or $(SOURCE),.) && [ -z "$$(git rev-parse --show-prefix 2>/dev/null)" ] && \
	git rev-parse --short HEAD 2>/dev/null),unknown)
endif
WORKER_CXXFLAGS = $(OUR_CXXFLAGS) $(WORKER_SANITIZE) $(WORKER_INCLUDES) -pthread -DWC_VERSION='"$(WC_VERSION)"'

.PHONY: worker install-worker uninstall-worker FORCE
worker: $(WORKER)

$(WORKER): $(WORKER_OBJS)
	$(CXX) $(OPTIMIZE) $(WORKER_SANITIZE) $(GIVEN_CXXFLAGS) $(GIVEN_LDFLAGS) -o $@ $^ $(WORKER_LIBS)

$(WORKER_BUILD)/worker/%.o: worker/%.cpp Makefile white_cross.control worker/worker.mk
	@mkdir -p $(@D)
	$(call COMPILE,$(WORKER_CXXFLAGS))

# The one file that names the revision; it is compiled anew when that changes.
$(WORKER_BUILD)/worker/metrics/revision: FORCE
	@mkdir -p $(@D)
	@echo '$(WC_REVISION)' | cmp -s - $@ || echo '$(WC_REVISION)' > $@
$(WORKER_BUILD)/worker/metrics/metrics.o: $(WORKER_BUILD)/worker/metrics/revision
$(WORKER_BUILD)/worker/metrics/metrics.o $(BUILD)/tidy/worker/metrics/metrics.checked: WORKER_CXXFLAGS += -DWC_REVISION='"$(WC_REVISION)"'

$(WORKER_BUILD)/worker/core/%.o: src/core/%.cpp Makefile white_cross.control worker/worker.mk
	@mkdir -p $(@D)
	$(call COMPILE,$(WORKER_CXXFLAGS))

# The Redis function library: its parts, in the order in which they need each other, become one string of the program.
LIBRARY_PARTS = $(patsubst %,worker/redis/library/%.lua,head snapshot shard fence key removal epoch fill liveness reading event register)

$(WORKER_BUILD)/worker/redis/library.lua.inc: $(LIBRARY_PARTS) worker/worker.mk
	@mkdir -p $(@D)
	@{ printf 'R"lua('; for part in $(filter %.lua,$^); do cat $$part; echo; done; printf ')lua"\n'; } > $@
$(WORKER_BUILD)/worker/redis/library.o: $(WORKER_BUILD)/worker/redis/library.lua.inc

# The console's page and what it loads become strings too.
$(WORKER_BUILD)/worker/http/console/%.inc: worker/http/console/%
	@mkdir -p $(@D)
	@{ printf 'R"page('; cat $<; printf ')page"\n'; } > $@
$(WORKER_BUILD)/worker/http/routes.o: $(patsubst %,$(WORKER_BUILD)/worker/http/console/console.%.inc,html css js)

# Manual pages, where scdoc is there to make them.  worker.toml(5) is made from the commented example configuration.
SCDOC := $(shell command -v scdoc)
ALL_MAN_PAGES = $(BUILD)/man/wc-worker.1 $(BUILD)/man/worker.toml.5
MAN_PAGES = $(if $(SCDOC),$(ALL_MAN_PAGES))

$(BUILD)/man/wc-worker.1: docs/man/wc-worker.1.scd
	@mkdir -p $(@D)
	scdoc < $< > $@

$(BUILD)/man/worker.toml.5: docs/man/worker_toml.py config/worker.toml
	@mkdir -p $(@D)
	$(PYTHON) $< < $(word 2,$^) > $@.scd
	scdoc < $@.scd > $@

.PHONY: man
man: $(MAN_PAGES)

# What the extension and the worker are made of, with versions and licences: SPDX.
SBOM = $(BUILD)/white_cross.spdx.json
.PHONY: sbom
sbom: stage
	@$(PYTHON) $(SOURCE)docs/sbom.py --extension '$(STAGE)$(pkglibdir)/white_cross.so' --worker $(WORKER) \
		--packages '$(WORKER_PACKAGES)' --pg-config $(PG_CONFIG) --output $(SBOM)
	@echo $(SBOM)

# What is installed as it stands, each in the folder of PREFIX/share/white_cross that its folder of config/ names.
EXAMPLES = worker.toml postgresql.conf redis.conf users.acl pgbouncer.ini haproxy.cfg prometheus/alerts.yml prometheus/prometheus.yml prometheus/rules.yml \
	grafana/dashboard.json grafana/white_cross.yml
# Where make finds the file of config/ for it.
EXAMPLE_SOURCE = $(firstword $(wildcard $(addprefix $(SOURCE)config/,$(1) $(dir $(1))provisioning/$(notdir $(1)))))
EXAMPLE_FOLDER = $(DESTDIR)$(PREFIX)/share/white_cross
UNIT = $(DESTDIR)$(PREFIX)/lib/systemd/system/wc-worker.service
COMPLETION = $(DESTDIR)$(PREFIX)/share/bash-completion/completions/wc-worker
INSTALLED_PAGE = $(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

install-worker: worker $(MAN_PAGES)
	install -D -m 755 $(WORKER) '$(DESTDIR)$(PREFIX)/bin/wc-worker'
	$(foreach file,$(EXAMPLES),install -D -m 644 $(call EXAMPLE_SOURCE,$(file)) '$(EXAMPLE_FOLDER)/$(file)' &&) :
	install -d '$(dir $(UNIT))'
	sed 's|@PREFIX@|$(PREFIX)|g' $(SOURCE)config/systemd/wc-worker.service > '$(UNIT)'
	chmod 644 '$(UNIT)'
	install -D -m 644 $(SOURCE)config/completion/wc-worker '$(COMPLETION)'
	$(foreach page,$(MAN_PAGES),install -D -m 644 $(page) '$(call INSTALLED_PAGE,$(page))' &&) :

# The pages may have been made where scdoc was.  Our folders go too, unless somebody keeps own files there.
uninstall-worker:
	rm -f '$(DESTDIR)$(PREFIX)/bin/wc-worker' '$(UNIT)' '$(COMPLETION)' $(foreach page,$(ALL_MAN_PAGES),'$(call INSTALLED_PAGE,$(page))') \
		$(foreach file,$(EXAMPLES),'$(EXAMPLE_FOLDER)/$(file)')
	for folder in '$(EXAMPLE_FOLDER)/prometheus' '$(EXAMPLE_FOLDER)/grafana' '$(EXAMPLE_FOLDER)'; do \
		[ ! -d "$$folder" ] || rmdir --ignore-fail-on-non-empty "$$folder"; done
