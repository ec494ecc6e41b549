# make run    install what is missing, build, make development keys, print a curl with a real token, serve
# make demo   the same with a fake NewStore, a loyalty page and a wishlist beside it: a login, coupons, orders in the browser
# make test   install what is missing, run all tests (they start their own Redis and nginx)
# make test-quick     the tests that need no other program: no server, no browser, only the packages of the build
# make test-address   the tests of the targets that hold C, under the address sanitizer
# make test-thread    the tests of the Redis client, under the thread sanitizer
# make test-image     puts the root file system of the image together and runs it as an engine would; needs root
# make bench          what the session store does in a second, what a session costs in Redis' memory, and what logins
#                     that wait for an internal service cost those of other providers
# make bench-parts        what each part of a login costs by itself: CPU, allocations, instructions
# make bench-login        what a login allocates and costs, and the requests around it
# make bench-allocations  fails if one of them allocates over 5 % more than is on record
# make bench-instructions what a REQUEST takes in instructions, by function; needs valgrind
# make bench-overload      what is served when more is asked for than can be, beside what the operations listener answers
# make bench-scale         what one replica carries, what Redis needs, whether more replicas and a cluster change that
# make profile            where the CPU of a REQUEST goes, with a flame graph; needs perf
# make chaos  break Redis in every way while logins run, for longer than make test does
# make fuzz   install what is missing, build the fuzz harnesses and the service, run and attack them for SECONDS in all
# make broken-lines   breaks lines on purpose, one at a time, and says which test notices; half an hour
# make demo-monitoring  two replicas under Prometheus with an outage of Redis in the middle; prints which alerts fire; 16 minutes
# make deb            the Debian package, .build-deb/countersign_VERSION_ARCH.deb, of what `make build` makes
# make test-package   installs, runs, upgrades and removes that package in a clean Debian that systemd boots; through sudo unless root; 5 minutes
# make dist           archives of sources and program, a bill of materials, SHA256SUMS in .build-dist; the same bytes each time
# make notice         writes NOTICE from what the program links, after a change of packages
# make test-dist      makes the archive of sources twice, and looks whether it is whole; TWICE=1 builds all of it twice from nothing
# make docs     the documents as a site, in .build-docs/site; links are checked
# make measure        sizes of files and functions, comments, circles between folders
# make lint   formatting and style, as CI checks it

CONFIG ?= config/countersign.yaml
SWIFT ?= swift
# The compiler of C that comes with Swift.
CLANG ?= $(dir $(shell command -v $(SWIFT)))clang
# Flags of release builds.
include deploy/release/flags.mk
COUNTERSIGN = .build/release/countersign
DEVELOPMENT_KEY = keys/development/acme-staging.private.pem
PYTHON = .build-python/bin/python
PYTHON_LIBRARIES = .build-python/libraries
DEMO_LIBRARIES = .build-demo/libraries
DOCS_LIBRARIES = .build-mkdocs/libraries
DEMO = Examples/loyalty-webview
FUZZ = .build-fuzz
# Of fuzzing, shared among the harnesses.
SECONDS = 60
# Of what attacks connections: the same one does the same again.
SEED = 1
# Of benchmarks.
SECONDS_EACH = 3
PART_SECONDS = 1
SESSIONS = 1000000
# Of chaos.
ROUNDS = 20

BUILD_PACKAGES = libssl-dev libjwt-dev libhiredis-dev
RUN_PACKAGES = $(BUILD_PACKAGES) openssl
DEMO_PACKAGES = $(RUN_PACKAGES) python3-venv redis-server
FUZZ_PACKAGES = $(RUN_PACKAGES) python3
TEST_PACKAGES = $(BUILD_PACKAGES) curl binutils ca-certificates iproute2 openssl redis-server nginx-light prometheus php-cli python3-venv chromium fonts-dejavu-core
DEB_PACKAGES = $(BUILD_PACKAGES) debhelper lintian
# systemd-nspawn is in systemd-container.
PACKAGE_TEST_PACKAGES = debootstrap openssl python3 systemd-container
DIST_PACKAGES = $(BUILD_PACKAGES) binutils git python3 xz-utils
DOCS_PACKAGES = git python3-venv
MONITORING_PACKAGES = $(RUN_PACKAGES) python3 redis-server prometheus

.PHONY: build run demo demo-monitoring test test-quick test-image chaos test-address test-thread bench bench-parts bench-login bench-allocations \
  bench-overload bench-scale bench-instructions profile fuzz broken-lines docs measure lint format build-packages run-packages \
  demo-packages fuzz-packages docs-packages monitoring-packages test-packages deb test-package deb-packages package-test-packages \
  dist-packages manual dist notice test-dist

# A first build takes minutes: it says so.
define first_build
@[ -e .build/checkouts ] || echo 'First build: fetches the Swift packages that Package.swift names, and theirs, from github.com: 225 MB in .build.'
@[ -e $(1) ] || printf '%s\n' $(2)
endef

FIRST_BUILD = 'First build: compiles 1,600 files of C and Swift. About 6 minutes on two idle cores, 490 MB in .build.' \
  'Later ones compile what has changed: seconds to two minutes.'

build:
	$(call first_build,$(COUNTERSIGN),$(FIRST_BUILD))
	$(SWIFT) build $(RELEASE) --product countersign

run: run-packages build $(DEVELOPMENT_KEY)
	@$(COUNTERSIGN) check-config --config $(CONFIG) >/dev/null 2>&1 || $(COUNTERSIGN) keys generate --config $(CONFIG) || true
	@token=$$($(COUNTERSIGN) token mint-dev --config $(CONFIG) --lifetime 1h) && printf '\n%s\n\n%s\n%s\n\n' \
	  'Once the service listens, exchange a token (good for one hour) from another terminal:' \
	  'curl -s http://127.0.0.1:8080/post_login_callback/vip-loyalty -H "Content-Type: application/json" \' \
	  "  -d '{\"deviceId\":\"till-1\",\"identity\":\"$$token\"}'"
	@exec $(COUNTERSIGN) serve --config $(CONFIG)

demo: demo-packages build $(DEVELOPMENT_KEY) $(DEMO_LIBRARIES)
	@$(COUNTERSIGN) keys list --config $(DEMO)/countersign.yaml 2>/dev/null | grep -q ' active ' || \
	  $(COUNTERSIGN) keys generate --config $(DEMO)/countersign.yaml
	@exec .build-demo/bin/python $(DEMO)/demo.py $(COUNTERSIGN)

demo-monitoring: monitoring-packages build
	@Tests/Monitoring/demo.py $(COUNTERSIGN)

# Suites that talk to real servers run one test after another: on two cores, hundreds beside them would starve them.
SERVER_SUITES = IssuerKeysTests|ProberTests|ProbeServiceTests|UpstreamTokensTests|TraceExporterTests|OutboundTests|RedisSessionsTests|ChaosTests|EndToEndTests|HTTPListenerTests|HTTP2ListenerTests|HTTP2AttackTests|SessionClientTests|CheckupTests

FIRST_TESTS = 'First build of the tests: about 5 minutes on two idle cores, 1.6 GB in .build. Most tests after it take 15 minutes.'

test: test-packages $(PYTHON_LIBRARIES)
	$(call first_build,.build/debug,$(FIRST_TESTS))
	Tests/failures-last $(SWIFT) test --skip '$(SERVER_SUITES)'
	Tests/failures-last $(SWIFT) test --no-parallel --filter '$(SERVER_SUITES)'

# Suites without a server that call a program all the same: openssl makes certificates, kotlinc builds the kit in Kotlin,
# promtool tests rules, kubectl renders manifests.
PROGRAM_SUITES = CertificateTests|DeploymentTests|KotlinTests|MonitoringTests

test-quick: build-packages
	$(call first_build,.build/debug,$(FIRST_TESTS))
	$(SWIFT) test --skip '$(SERVER_SUITES)|$(PROGRAM_SUITES)'

test-image: test-packages $(PYTHON_LIBRARIES) build
	@$(PYTHON) -B Tests/Image/run $(COUNTERSIGN)

# Breaks Redis in every way under load, for ROUNDS times as long as `make test` does.
chaos: test-packages
	CHAOS_ROUNDS=$(ROUNDS) $(SWIFT) test --no-parallel --filter ChaosTests

# The runtimes of Swift and XCTest keep what LeakSanitizer calls leaks.
test-address: test-packages
	ASAN_OPTIONS=detect_leaks=0 Tests/failures-last $(SWIFT) test --sanitize=address --scratch-path .build-address --no-parallel \
	  --filter 'JOSETests|RedisSessionsTests'

# The runtime of Swift is not instrumented; Tests/thread-sanitizer.txt says what of it is left out, and why.
test-thread: test-packages
	TSAN_OPTIONS=suppressions=$(abspath Tests/thread-sanitizer.txt) Tests/failures-last $(SWIFT) test --sanitize=thread \
	  --scratch-path .build-thread --no-parallel --filter RedisSessionsTests

bench: test-packages build
	$(SWIFT) build --package-path Tests/Benchmarks --scratch-path .build-benchmarks -c release --product RedisBench
	@.build-benchmarks/release/RedisBench $(SECONDS_EACH) $(SESSIONS)
	$(SWIFT) build --package-path Tests/Benchmarks --scratch-path .build-benchmarks -c release --product UpstreamBench
	@COUNTERSIGN=$(abspath $(COUNTERSIGN)) .build-benchmarks/release/UpstreamBench

LOGIN_BENCH = Tests/Benchmarks/Login
ALLOCATION_COUNTER = .build/allocations.so

$(ALLOCATION_COUNTER): $(LOGIN_BENCH)/allocations.c
	@mkdir -p $(@D)
	$(CLANG) -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

PARTS_COUNTS = .build-benchmarks/allocations

bench-parts: build-packages $(ALLOCATION_COUNTER)
	$(SWIFT) build --package-path Tests/Benchmarks --scratch-path .build-benchmarks -c release --product ExchangeBench
	@truncate -s 0 $(PARTS_COUNTS) && truncate -s 16 $(PARTS_COUNTS)
	@LD_PRELOAD=$(abspath $(ALLOCATION_COUNTER)) ALLOCATION_COUNTS=$(PARTS_COUNTS) \
	  .build-benchmarks/release/ExchangeBench $(PART_SECONDS)

bench-login: test-packages build $(ALLOCATION_COUNTER)
	@python3 $(LOGIN_BENCH)/login.py $(COUNTERSIGN) $(ALLOCATION_COUNTER)

# login, replay, introspection, session or key_set.
REQUEST = login
MAIN_QUEUE = .build/main-queue.so

$(MAIN_QUEUE): $(LOGIN_BENCH)/main_queue.c
	$(CLANG) -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $< \
	  -L$(dir $(CLANG))../lib/swift/linux -ldispatch -Wl,-rpath,$(abspath $(dir $(CLANG))../lib/swift/linux)

bench-instructions: test-packages build $(MAIN_QUEUE)
	@python3 $(LOGIN_BENCH)/instructions.py --request $(REQUEST) $(COUNTERSIGN) $(MAIN_QUEUE)

OFFERED = .build/offered

$(OFFERED): Tests/Benchmarks/Overload/offered.c
	@mkdir -p $(@D)
	$(CLANG) -O2 -Wall -Wextra -Werror -o $@ $< -lm

bench-overload: test-packages build $(OFFERED)
	@python3 Tests/Benchmarks/Overload/overload.py $(COUNTERSIGN) $(OFFERED)

# Such as --only costs, rates, memory, replicas or model.
SCALE =

bench-scale: test-packages build
	@python3 Tests/Benchmarks/Scale/scale.py $(SCALE) $(COUNTERSIGN)

profile: test-packages build
	@python3 $(LOGIN_BENCH)/profile.py --request $(REQUEST) $(COUNTERSIGN) .build/profile.svg

bench-allocations: test-packages build $(ALLOCATION_COUNTER)
	@python3 $(LOGIN_BENCH)/login.py --check $(COUNTERSIGN) $(ALLOCATION_COUNTER)

fuzz: fuzz-packages build
	$(SWIFT) build --package-path Tests/Fuzz --scratch-path $(FUZZ) -c release
	@Tests/Fuzz/run $(SECONDS) $(abspath $(FUZZ)/release) $(abspath $(FUZZ)/corpus) $(abspath $(COUNTERSIGN)) $(SEED)

broken-lines: test-packages $(PYTHON_LIBRARIES)
	@SWIFT='$(SWIFT)' Tests/BrokenLines/run

DEB = .build-deb

# debian/rules takes the build as it is. What debhelper leaves in debian/ goes again.
deb: deb-packages build
	@mkdir -p $(DEB) && rm -f $(DEB)/*.deb
	debian/rules binary SWIFT='$(SWIFT)' DESTINATION=$(abspath $(DEB))
	@lintian --allow-root --fail-on error $(DEB)/*.deb
	@dh_clean
	@ls -sh $(DEB)/*.deb

test-package: package-test-packages deb
	@sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo Tests/Package/run $(DEB)/*.deb

DIST = .build-dist
# Where time is told: that of the last commit. An archive has no .git.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y Package.swift)
export SOURCE_DATE_EPOCH SWIFT

# Man pages and completions.
manual: build
	@deploy/release/manual $(COUNTERSIGN) $(dir $(COUNTERSIGN))manual $(RELEASE)

dist: dist-packages manual
	@deploy/release/archives $(DIST) $(COUNTERSIGN)

notice: build
	@deploy/release/components.py notice $(dir $(COUNTERSIGN)) > .build/NOTICE && mv .build/NOTICE NOTICE

test-dist: dist-packages
	@Tests/Release/run $(TWICE)

docs: docs-packages $(DOCS_LIBRARIES)
	@$(dir $(DOCS_LIBRARIES))bin/python site/build.py

measure:
	@Tests/measure

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Plugins Sources Tests Examples

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Plugins Sources Tests Examples

# The private key of the development tenant: it replaces NewStore's key in development, and is good for nothing else.
$(DEVELOPMENT_KEY):
	@mkdir -p $(@D)
	@umask 077 && openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $@ 2>/dev/null
	@openssl pkey -in $@ -pubout -out $(@:.private.pem=.public.pem)

# Independent libraries that the tests verify our tokens with, OAuth clients, the tester of our OpenAPI document, and what
# drives a browser.
$(PYTHON_LIBRARIES): Tests/EndToEndTests/requirements.txt $(DEMO)/requirements.txt
	python3 -m venv $(@D)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# MkDocs and its theme.
$(DOCS_LIBRARIES): site/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# One library: what the example's back end verifies tokens with.
$(DEMO_LIBRARIES): $(DEMO)/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

build-packages:
	@$(call install,$(BUILD_PACKAGES))

dist-packages:
	@$(call install,$(DIST_PACKAGES))

demo-packages:
	@$(call install,$(DEMO_PACKAGES))

deb-packages:
	@$(call install,$(DEB_PACKAGES))

package-test-packages:
	@$(call install,$(PACKAGE_TEST_PACKAGES))

docs-packages:
	@$(call install,$(DOCS_PACKAGES))

fuzz-packages:
	@$(call install,$(FUZZ_PACKAGES))

run-packages:
	@$(call install,$(RUN_PACKAGES))

monitoring-packages:
	@$(call install,$(MONITORING_PACKAGES))

test-packages:
	@$(call install,$(TEST_PACKAGES))

# Installs those Debian packages that are missing; through sudo when not root.
define install
missing=$$(for package in $(1); do \
  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
if [ -n "$$missing" ]; then \
  echo "installing" $$missing; \
  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
  $$sudo apt-get update -qq && \
  { apt-get install --assume-no --no-install-recommends $$missing 2>/dev/null | grep -E '^(Need to get|After this)' || true; } && \
  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
fi
endef
