# `make run` starts Waiter Caller on this computer; `make help` lists all targets.

PINS := --quiet --no-config --no-header --universal --generate-hashes --python-version 3.11 --fork-strategy fewest
INSTALL := .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes
STAFF_LANGUAGES := de es fr it nl pl pt tr
GUEST_LANGUAGES := ar ja zh
as_root = $$([ "$$(id -u)" = 0 ] || echo sudo -n) env
apt_install = $(as_root) DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 RUNLEVEL=1 sh -c 'apt-get -qq update && apt-get -qq install --no-install-recommends $(1)' >/dev/null 2>&1
CATALOGUES := waitercaller/translations
FRONTEND := tests/frontend
NODE_MODULES := $(FRONTEND)/node_modules
BROWSERS := chromium chromium-headless-shell firefox-esr webkit2gtk-driver gir1.2-webkit2-4.1 python3-gi xvfb python3-pyqt5.qtwebengine
PAPER_TOOLS := poppler-utils zbar-tools
DEPLOY_TOOLS := apache2-bin media-types certbot pebble openssl debootstrap logrotate shellcheck systemd
PROXIES := nginx haproxy


# Extract the strings by the mapping file $(1) into the template $(2), and merge it into the catalogues of the languages $(3).
define catalogues
.venv/bin/pybabel -q extract -F $(1) -k _l -k lazy_gettext --no-wrap --sort-by-file --no-location \
    --project 'Waiter Caller' -o $(CATALOGUES)/$(2) .; \
for language in $(3); do \
    catalogue=$(CATALOGUES)/$$language/LC_MESSAGES/messages.po; \
    [ -e $$catalogue ] && verb='update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date' || verb=init; \
    .venv/bin/pybabel -q $$verb --no-wrap -i $(CATALOGUES)/$(2) -d $(CATALOGUES) -l $$language || exit 1; \
done
endef

.PHONY: help run demo test engines quick moments lint bench drills release pictures pins translations chromium deploy-tools node
.DEFAULT_GOAL := help

help:
	@echo 'make run           serve on this computer; PORT=8000 and HOST=127.0.0.1 say where, HOST=0.0.0.0 lets phones in'
	@echo 'make demo          the same, with a demo restaurant'
	@echo 'make test          run all tests; ARGS="-k table" runs some, ARGS="-n 0 --pdb" in one process'
	@echo 'make engines       run the tests in Firefox, WebKit and an old Chromium'
	@echo 'make quick         run those that need no browser, no Apache, no database and no other processes: one minute'
	@echo 'make moments       run the tests that have to do with time, at the turn of a year, on a leap day, as the clocks change'
	@echo 'make lint          look for mistakes without running anything'
	@echo 'make bench         measure'
	@echo 'make drills        kill, freeze and attack real processes, and count; ARGS=kills runs one, ROUNDS=20 and N=10000 more of it'
	@echo '                   ARGS=house: 5,000 screens and 2,000 guests through Apache; SCREENS, GUESTS, MINUTES, CALLS'
	@echo 'make release       write the release of HEAD into dist/: tarball, SBOM, licences, checksums'
	@echo 'make pictures      make the pictures of the README anew, from the demo'
	@echo 'make translations  bring the catalogues up to date with the code'
	@echo 'make pins          choose the newest versions that the requirements allow'

run: .venv/run.stamp
	@exec .venv/bin/python -m waitercaller run

demo: .venv/run.stamp
	@exec .venv/bin/python -m waitercaller run --demo

# Tests start hundreds of processes, and each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE
# Four workers on two cores: some always wait for browsers and other programs.
PYTEST := .venv/bin/python -m pytest -n 4 --dist loadgroup --no-loadscope-reorder

NO_SKIPS := $(if $(filter true,$(CI)),-p tests.support.no_skips)

test: .venv/test.stamp chromium deploy-tools
	@$(PYTEST) --engines chromium $(NO_SKIPS) $(ARGS)

engines: .venv/test.stamp chromium
	@$(PYTEST) --engines others $(NO_SKIPS) $(or $(ARGS),tests/browser)

# Without the tests of browsers, deployment, a database server and other real processes.
quick: .venv/test.stamp
	@$(PYTEST) -n 2 --quick $(ARGS)

# TEST_NOW moves the clocks of a run, see tests/support/timeshift: New Year's Eve, the evening of a leap day, the last minutes
# before the clocks of Berlin go back. Any moment will do: make moments MOMENTS=2030-06-05T12:00+02:00
MOMENTS := 2026-12-31T23:58 2028-02-29T21:30 2027-10-31T00:58
MOMENTS_TESTS = $(shell grep -rl --include='test_*.py' 'mark\.moments' tests)
moments: .venv/test.stamp chromium
	@for moment in $(MOMENTS); do \
	    echo "At $$moment:"; \
	    TEST_NOW=$$moment $(PYTEST) -n 2 -q -m moments --mongomock --engines chromium $(NO_SKIPS) $(or $(ARGS),$(MOMENTS_TESTS)) || exit 1; \
	done

lint: .venv/test.stamp $(NODE_MODULES)/.stamp
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@$(NODE_MODULES)/.bin/tsc -p $(FRONTEND)/tsconfig.json
	@$(NODE_MODULES)/.bin/tsc -p $(FRONTEND)/tsconfig.worker.json
	@$(NODE_MODULES)/.bin/eslint --config $(FRONTEND)/eslint.config.js --max-warnings 0 static/js
	@$(NODE_MODULES)/.bin/stylelint --config $(FRONTEND)/stylelint.config.js 'static/css/*.css'
	@cmp $(NODE_MODULES)/morphdom/dist/morphdom-esm.js static/vendor/morphdom/morphdom-esm.js

bench: .venv/test.stamp
	@.venv/bin/python -m tests.bench $(ARGS)

# ROUNDS, N and SEED come from the environment; SCREENS, GUESTS, MINUTES, CALLS and SIGNS of `house`, too.
drills: .venv/test.stamp
	@.venv/bin/python -m tests.drills $(ARGS)

release: .venv/run.stamp
	@.venv/bin/python deploy/release.py

pictures: .venv/test.stamp chromium
	@.venv/bin/python -m tests.pictures

# A .venv that does not work (its Python was upgraded, the folder was moved) or has another PYTHON is recreated.
ifneq ($(shell .venv/bin/python -m pip --version >/dev/null 2>&1 && echo works),works)
.PHONY: .venv/bin/python .venv/run.stamp .venv/test.stamp
else ifneq ($(PYTHON),)
ifneq ($(shell $(PYTHON) --version 2>&1),$(shell .venv/bin/python --version))
.PHONY: .venv/bin/python .venv/run.stamp .venv/test.stamp
endif
endif

# At least 3.11 (PyMongo), at most 3.13 (the embedded database).
.venv/bin/python:
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	    version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	    case $$version in \
	        3.11|3.12|3.13) $$python -c 'import ensurepip, venv' 2>/dev/null && exec $$python -m venv --clear .venv; \
	            without="$$version";; \
	        *) found="$$found $$version";; \
	    esac; \
	done; \
	if [ "$$without" ]; then \
	    echo "Python $$without is here, but not its venv module: install that (Debian and Ubuntu: sudo apt-get install python$$without-venv)." >&2; \
	else \
	    echo "Waiter Caller needs Python 3.11, 3.12 or 3.13$${found:+ and found only$$found}: install one, or name one as in make run PYTHON=/path/to/python3.12." >&2; \
	fi; exit 1

.venv/run.stamp: requirements.txt tests/requirements/database.txt | .venv/bin/python
	@echo 'Installing what requirements.txt and tests/requirements/database.txt pin (once) …'
	@$(INSTALL) -r requirements.txt -r tests/requirements/database.txt
	@touch $@

.venv/test.stamp: tests/requirements/test.txt .venv/run.stamp
	@echo 'Installing what tests/requirements/test.txt pins (once) …'
	@$(INSTALL) -r tests/requirements/test.txt
	@touch $@

# Checkers of scripts and styles: only `make lint` needs them.
$(NODE_MODULES)/.stamp: $(FRONTEND)/package-lock.json | node
	@echo 'Installing what $(FRONTEND)/package-lock.json pins (once) …'
	@npm ci --prefix $(FRONTEND) --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

node:
	@command -v npm >/dev/null && exit; $(call apt_install,nodejs npm) \
	    || { echo 'Node.js and npm are missing, which check the scripts: sudo apt-get install nodejs npm' >&2; exit 1; }

# System programs that the tests use: browsers, what reads the pages they print, and the programs of a production machine. Installing starts none of them, now
# (SYSTEMD_OFFLINE, RUNLEVEL) or at the next start of the computer (disable).
# Where they cannot be installed, the tests that need them are skipped with a message.
chromium:
	@dpkg -s $(BROWSERS) $(PAPER_TOOLS) >/dev/null 2>&1 && exit; $(call apt_install,$(BROWSERS) $(PAPER_TOOLS)) \
	    || echo 'Missing, so tests in a browser are skipped or take longer: sudo apt-get install $(BROWSERS) $(PAPER_TOOLS)'

deploy-tools:
	@dpkg -s $(DEPLOY_TOOLS) >/dev/null 2>&1 && exit; $(call apt_install,$(DEPLOY_TOOLS)) \
	    || echo 'Missing, so tests of the deployment are skipped: sudo apt-get install $(DEPLOY_TOOLS)'
	@$(foreach proxy,$(PROXIES),PATH="$$PATH:/usr/sbin" command -v $(proxy) >/dev/null \
	    || { $(call apt_install,$(proxy)) && { $(as_root) systemctl --quiet disable $(proxy) >/dev/null 2>&1 || true; }; } \
	    || echo 'Missing, so its test is skipped: sudo apt-get install $(proxy)';)

# Needs uv (https://docs.astral.sh/uv/) on the PATH. The JavaScript tools are pinned by npm, in $(FRONTEND)/package.json.
pins:
	uv pip compile $(PINS) --upgrade requirements.in -o requirements.txt
	uv pip compile $(PINS) --upgrade tests/requirements/database.in -o tests/requirements/database.txt
	uv pip compile $(PINS) --upgrade tests/requirements/test.in -o tests/requirements/test.txt

translations: .venv/test.stamp
	@$(call catalogues,pyproject.toml,messages.pot,$(STAFF_LANGUAGES))
	@$(call catalogues,$(CATALOGUES)/guest.toml,guest.pot,$(GUEST_LANGUAGES))
	@.venv/bin/pybabel compile -d $(CATALOGUES) --statistics
