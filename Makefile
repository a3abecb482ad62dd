# make run, make test, make bench, make lint. Needs Python 3.11 and make.
PORT ?= 8000
HOST ?= 127.0.0.1
ARGS ?=
# On SQLite there are no row locks to race for: those tests need DATABASE_URL to name a PostgreSQL.
MARKS := $(if $(findstring postgres,$(DATABASE_URL)),,not postgres and )

SHELL := /bin/sh
# The first Python that is a 3.11, else the first there is, which is told what is wrong with it (in words that a
# Python 2 understands too).
define installed
	@python='$(PYTHON)'; \
	for each in python3.11 python3 python; do \
		[ -z "$$python" ] && $$each -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && python=$$each; \
	done; \
	for each in python3 python; do [ -z "$$python" ] && $$each -c '' 2>/dev/null && python=$$each; done; \
	[ -n "$$python" ] || { echo 'queueboard needs Python 3.11, and there is no Python on the PATH.' >&2; exit 1; }; \
	"$$python" -c 'import sys; v = sys.version_info[:2]; v == (3, 11) or sys.exit("queueboard needs Python 3.11, and this is %d.%d; install it or name it: make run PYTHON=/path/to/it" % v)' && \
	"$$python" queueboard/supervisor/install.py $(1)
endef

help:
	@echo 'make run    start everything on http://$(HOST):$(PORT)/ (PORT=8001 for another port, ARGS=--no-demo for none)'
	@echo 'make test   all tests; with DATABASE_URL and REDIS_URL on PostgreSQL and Redis'
	@echo 'make bench  the benchmarks'
	@echo 'make quotas docs/quotas.md, measured anew'
	@echo 'make prediction docs/prediction.md, measured anew'
	@echo 'make faces  the figures of docs/faces.md, measured anew'
	@echo 'make lint   ruff, mypy, djlint'

run: install
	@exec .venv/bin/python manage.py up --with-parent --host '$(HOST)' --port '$(PORT)' $(ARGS)

# Those that start processes or a browser wait more than they work: three at a time, each file in one place.
test: install-dev
	.venv/bin/python -m queueboard.supervisor.sandbox .venv/bin/python -m pytest -m '$(MARKS)(processes or browser)' -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)
	.venv/bin/python -m queueboard.supervisor.sandbox .venv/bin/python -m pytest -m '$(MARKS)not processes and not browser' -n 2 $(ARGS)

bench: install-dev
	.venv/bin/python -m bench $(ARGS)

quotas: install-dev
	.venv/bin/python -m bench.quotas

prediction: install-dev
	.venv/bin/python -m bench.prediction

faces: install-dev
	.venv/bin/python -m bench.faces

lint: install-dev
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy booking queueboard
	.venv/bin/python -m djlint --lint templates

install:
	$(call installed,requirements.txt)

install-dev:
	$(call installed,requirements-dev.txt)

.PHONY: help run test bench quotas prediction faces lint install install-dev
