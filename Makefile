# The portal's everyday commands. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help install demo demo-reset test test-slow test-all soak bench bench-full check lint format messages lock screenshots clean

PYTHON ?= python3
BIN := .venv/bin
# Each process of a test run has a database of its own; tests of one group stay together.
PROCESSES ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadgroup
# What `make test-slow` runs: what is slow by nature, and properties far more often.
SLOW ?= slow or hypothesis
DEMO := DATA_DIR="$$PWD/var/demo"
# Python starts dozens of times here: what it compiled once is kept, also where images ask for the opposite.
export PYTHONDONTWRITEBYTECODE :=

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: .venv/.locked ## Build the environment from the locked requirements

.venv/.locked: requirements/dev.txt
	$(PYTHON) -c 'import sys; sys.exit("The portal needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

demo: install ## Run the portal against a pretend workspace; Ctrl-C stops it
	@$(DEMO) $(BIN)/python manage.py demo

demo-reset: ## Remove the demo's data
	rm -rf var/demo

test: install ## Run nearly all tests, a journey in a real browser among them: minutes
	$(PYTEST) -m "not slow"

test-slow: install ## Run what is slow by nature, and properties far more often: a quarter of an hour
	THOROUGH=1 $(PYTEST) -m "$(SLOW)"

test-all: test test-slow ## Run every test, what takes minutes first

soak: install ## Half an hour of anything that can happen: 200 runs of the stateful test, and workers killed throughout
	SOAK=1 $(BIN)/python -m pytest tests/workflow/test_stateful.py
	$(BIN)/python bench/soak.py

bench: install ## Ratios at 100,000 accounts, measured in one run: minutes
	$(BIN)/python bench --accounts 100000

bench-full: install ## The same at 1,000,000 accounts
	$(BIN)/python bench --accounts 1000000

check: install lint test-all ## Everything that CI checks

lint: install ## Style, types, floors, templates, migrations, deployment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/python manage.py makemigrations --check --dry-run
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))') ALLOWED_HOSTS=cleanup.example.org \
	  PUBLIC_URL=https://cleanup.example.org EMAIL_URL=smtp+tls://u:p@mail.example.org:587 \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

format: install ## Format code and templates
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: install ## Save every page, wide and narrow, light and dark, English and French
	SCREENSHOTS=1 $(BIN)/python -m pytest -q tests/e2e/test_every_page.py

messages: install ## Gather the texts into the French catalogue, and compile it (wants Debian's gettext)
	$(BIN)/python manage.py makemessages --locale fr --no-obsolete --no-location --ignore .venv --ignore 'huwise_sandbox/*'
	$(BIN)/python -c "import polib; polib.pofile('locale/fr/LC_MESSAGES/django.po').save_as_mofile('locale/fr/LC_MESSAGES/django.mo')"

lock: install ## Lock the requirements anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile -q requirements/dev.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url -o requirements/dev.txt
	$(BIN)/uv pip compile -q requirements/run.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url -c requirements/dev.txt -o requirements/run.txt

clean: ## Remove everything that was built
	rm -rf .venv var staticfiles
