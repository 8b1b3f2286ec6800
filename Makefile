# `make run` and `make test` do all the set-up they need, once. `make` alone shows what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup run test test-long test-cluster test-docker lint format bench bench-long manifests clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Without its tools a probe is reported as unavailable, with the reason: no cause to stop here.
setup: .venv/.installed ## Prepare .venv, fio and libiperf; instant when done before
	@scripts/debian-packages.sh fio iperf3 libiperf0 || true

.venv/.installed: pyproject.toml scripts/venv.sh
	@scripts/venv.sh

run: setup ## Measure this machine, show its report, send it to a service on loopback, and show what comes back
	@code=0; .venv/bin/probe run all --profile quick --output results/latest.json || code=$$?; \
	if [[ $$code -eq 3 ]]; then \
		echo "Not everything could be measured here: \`.venv/bin/probe doctor\` says what is missing."; \
	elif [[ $$code -ne 0 ]]; then exit $$code; fi; printf "\n\n"
	@env -u KUBECONFIG .venv/bin/telemetry-agent --config examples/config.yaml preview --level detailed --results results/latest.json \
		--brief --output results/preview.json
	@env -u KUBECONFIG .venv/bin/python scripts/whole_way.py results/latest.json

# One more than two cores carry, since much is waiting. A file stays together, for the sake of what its tests share.
side_by_side = -n 3 --dist loadfile --no-loadscope-reorder
test: setup ## Run all tests, with real tools, real sockets and a real browser
	@scripts/debian-packages.sh chromium postgresql strace || true
	@scripts/promtool.sh || true
	@.venv/bin/pytest $(side_by_side)

test-long: setup ## Kill launcher and service at random moments; ask the service thousands of times; half an hour
	@.venv/bin/python -m tests.end_to_end.kills
	@.venv/bin/python -m tests.corrective_drift.kill_nine
	@.venv/bin/python -m tests.corrective_drift.openapi_cases

# KUBECONFIG=... PROBE_IMAGE=registry.example/probe:1 make test-cluster
test-cluster: setup ## Run every probe as Jobs in the cluster of KUBECONFIG, with the image PROBE_IMAGE
	@.venv/bin/pytest tests/cluster

# DOCKER_BUILD='--network host' make test-docker, where a build needs more than the default to reach the packages
test-docker: setup ## Build the images and try them in the container engine that `docker` speaks to; about ten minutes
	@for target in probe agent service; do docker build $(DOCKER_BUILD) --target $$target --tag prism-test/$$target . || exit 1; done
	@.venv/bin/pytest -m docker tests/test_images.py

lint: .venv/.installed ## Check style, types, direction of imports, scripts and Dockerfile
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/shellcheck .ci/run scripts/*.sh
	.venv/bin/hadolint Dockerfile

format: .venv/.installed ## Put the code into its standard form
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: setup ## Compare the probes with sockperf, iperf3 and plain fio, and weigh the agent; about half an hour
	@scripts/debian-packages.sh sockperf
	@$(call run_scripts,latency_vs_sockperf throughput_vs_iperf3 storage_vs_fio cost_of_running collecting outbox anonymizing uniqueness daemon baselines ingest)

kill-nine: .venv/.installed ## Kill an agent 300 times while it sends: nothing may be lost or count twice; about five minutes
	@.venv/bin/python -m tests.agent.delivery.kill_nine

bench-long: setup ## Judge the judges: detectors, intervals, verdicts, repeatability, a fleet; and (as root) the launcher; over an hour
	@$(call run_scripts,detectors intervals verdicts repeatability fleet launcher)

# One that fails doesn't keep the others from running.
run_scripts = code=0; for name in $(1); do \
	echo; echo "## $$name"; .venv/bin/python "benchmarks/$$name.py" || code=1; \
	done; exit $$code

manifests: .venv/.installed ## Write the manifests that are made of something else: RBAC, alerts, telemetry-deployment.yaml
	@.venv/bin/python scripts/manifests.py

clean: ## Remove .venv, the trial service and all that tools have left; results stay
	rm -rf .venv dist .benchmarks .hypothesis .*_cache results/whole-way
	find . -name __pycache__ -prune -exec rm -rf {} +
