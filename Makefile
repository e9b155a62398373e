# Two commands set everything up on a machine with Python 3.11 and pip: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
# if the index has a CPU build of this version, it avoids gigabytes of GPU packages
TORCH := torch==2.13.0
DEMO ?= demo
# each worker runs its share of the tests in order; a worker that is done takes tests from the end of another's share
PYTEST_WORKERS := --numprocesses auto --maxprocesses 4 --dist worksteal
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: demo demo-dp test test-offline test-all test-lowest check attack bench bench-gpu bench-audits calibration styles mutate fuzz study study-dp study-smotext models clean

demo: $(BIN)/.installed models  ## install, release a dataset of fictional clinic notes, verify it, print the path of the report
	rm -rf $(DEMO)
	$(BIN)/synthgen init $(DEMO)
	$(BIN)/synthgen release $(DEMO)/clinic.yaml
	$(BIN)/synthgen verify $(DEMO)/out/release-* --trust $(DEMO)/trust.json
	@echo "report: $$(ls $(CURDIR)/$(DEMO)/out/release-*/report/report.html)"

demo-dp: $(BIN)/.installed models  ## the same under differential privacy: 5,000 fictional patients, two approvals
	rm -rf $(DEMO)-dp
	$(BIN)/synthgen init $(DEMO)-dp --template clinic-dp
	$(BIN)/synthgen plan $(DEMO)-dp/clinic-dp.yaml
	$(BIN)/synthgen release $(DEMO)-dp/clinic-dp.yaml
	@for role in privacy_officer data_owner; do \
	  $(BIN)/synthgen approve $(DEMO)-dp/out/release-* --role $$role --key $(DEMO)-dp/keys/$$role.pem --trust $(DEMO)-dp/trust.json --yes || exit; done
	$(BIN)/synthgen approve $(DEMO)-dp/out/release-* --close --key $(DEMO)-dp/keys/releaser.pem --trust $(DEMO)-dp/trust.json --yes
	$(BIN)/synthgen verify $(DEMO)-dp/out/release-* --trust $(DEMO)-dp/trust.json --policy strict-dp
	@echo "report: $$(ls -d $(DEMO)-dp/out/release-*)/report/report.html"

test: $(BIN)/.tested models  ## quick tests, about twenty minutes on two cores: one release end to end, and each rule once
	$(BIN)/python -m pytest $(PYTEST_WORKERS) -m "not slow" $(PYTEST_ARGS)

test-offline: $(BIN)/.tested models  ## the quick tests in a namespace without network
	unshare -rn $(BIN)/python -m pytest $(PYTEST_WORKERS) -m "not slow" $(PYTEST_ARGS)

test-all: $(BIN)/.tested models  ## every test, including those marked slow
	$(BIN)/python -m pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

test-lowest: $(LOWEST)/.tested  ## the quick tests with the lowest versions that pyproject.toml allows, in .venv-lowest
	$(LOWEST)/bin/synthgen models pull
	$(LOWEST)/bin/python -m pytest $(PYTEST_WORKERS) -m "not slow" $(PYTEST_ARGS)

check: $(BIN)/.developed  ## check format, lint and types
	$(BIN)/ruff format --check synthgen audits studies tests examples benchmarks training
	$(BIN)/ruff check synthgen audits studies tests examples benchmarks training
	$(BIN)/mypy

# with another secret, the release sometimes fails a utility rule, which is irrelevant for the attack; so the limits are lowered
attack: $(BIN)/.tested models  ## attack a release of the demo that has a secret; ATTACK=CONFIG attacks another released run
ifndef ATTACK
	rm -rf build/attack
	$(BIN)/synthgen init build/attack
	sed -e 's/^name: .*/name: attack/' -e 's/limit: 0\.[58]0$$/limit: 0.1/' policies/research.yaml > build/attack/attack.yaml
	sed -i.trial -e '/^secret:/d' -e 's/^policy: .*/policy: attack.yaml/' build/attack/clinic.yaml
	$(BIN)/synthgen release build/attack/clinic.yaml
endif
	$(BIN)/python benchmarks/attack.py $(or $(ATTACK),build/attack/clinic.yaml) $(ATTACK_ARGS)

bench: $(BIN)/.tested models  ## time the decode loop, neighbour search and over-samplers against libraries, the audits, de-identification and hospital notes
	$(BIN)/python benchmarks/decode.py
	$(BIN)/python benchmarks/cluster/workers.py
	$(BIN)/python benchmarks/neighbours.py
	$(BIN)/python benchmarks/interpolate.py
	$(BIN)/python benchmarks/audit_times.py
	$(BIN)/python benchmarks/deidentify.py --speed
	$(BIN)/python benchmarks/hospital/notes.py

bench-gpu: $(BIN)/.tested models  ## tokens per second beside transformers.generate and the bandwidth limit; without a GPU on the CPU
	$(BIN)/python benchmarks/gpu/tokens.py $(GPU_ARGS)

bench-audits: $(BIN)/.tested models  ## compare the audits with anonymeter, SDMetrics and mostlyai-qa; needs 3 GB in build/peers
	$(BIN)/python benchmarks/peers.py --markdown build/peers/peers.md $(PEERS_ARGS)

calibration: $(BIN)/.tested models  ## run the calibration suite over corpora and seeds; takes hours, can be resumed
	mkdir -p build/calibration
	$(BIN)/python benchmarks/calibration.py --checkpoints build/calibration --markdown build/calibration/calibration.md $(CALIBRATION_ARGS)

styles: $(BIN)/.tested models  ## train the built-in styles on public and invented text, about two hours; needs SYNTHGEN_DATA
	mkdir -p build/styles
	$(BIN)/python training/corpora.py --out build/styles > build/styles/train.sh
	PATH=$(CURDIR)/$(BIN):$$PATH sh -e build/styles/train.sh
	$(BIN)/python -c "from synthgen.models.shipped import shipped_folders as now; print(now())"  # the digests for SHIPPED in synthgen/models/shipped.py

mutate: $(BIN)/.tested  ## disable each check of verifier, gate and ledger in turn; a test must fail; takes an hour
	$(BIN)/python benchmarks/mutate.py --markdown build/mutants.md $(MUTATE_ARGS)

fuzz: $(BIN)/.tested  ## verify 20,000 corrupted envelopes, statements, policies, trust roots, tables and timestamps; ten minutes
	$(BIN)/python benchmarks/fuzz.py $(FUZZ_ARGS)

study: $(BIN)/.tested models  ## run the feature-augmentation paper's experiment; needs SYNTHGEN_DATA
	$(BIN)/python -m studies feature-augmentation $(STUDY_ARGS)

study-smotext: $(BIN)/.tested models  ## make the SMOTExT paper's table; takes hours, can be resumed
	$(BIN)/python -m studies smotext $(STUDY_ARGS)

.PHONY: picture
REPORT ?= $(wildcard $(CURDIR)/$(DEMO)/out/release-*/report/report.html)
CHROMIUM ?= chromium
SHOT := $(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,1400
SMALLER := from PIL import Image; p = Image.open("docs/report.png").convert("RGB"); \
	p.quantize(64, dither=Image.Dither.NONE).save("docs/report.png", optimize=True)

picture: $(BIN)/.installed  ## renew docs/report.png from the report of `make demo` or REPORT=FILE; never use real data
	@test -f "$(REPORT)" || { echo "no report: run make demo first, or set REPORT=FILE"; exit 2; }
	$(SHOT) --user-data-dir=$(CURDIR)/build/chromium --screenshot=docs/report.png "file://$(abspath $(REPORT))"
	rm -rf build/chromium
	$(BIN)/python -c '$(SMALLER)'

study-dp: $(BIN)/.tested models  ## measure the cost of differential privacy; takes days in full, so select rows; can be resumed
	$(BIN)/python -m studies dp $(STUDY_ARGS)

models: $(BIN)/.installed
	$(BIN)/synthgen models pull

$(BIN)/.venv:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(BIN)/.installed: $(BIN)/.venv pyproject.toml
	$(BIN)/python -c "import torch" 2>/dev/null || $(PIP) install $(TORCH) || \
		{ echo "$(TORCH) could not be installed; taking the newest torch, which may be gigabytes"; $(PIP) install "torch>=2.6"; }
	$(PIP) install --editable '.[engine]'
	touch $@

$(BIN)/.tested: $(BIN)/.installed
	$(PIP) install --editable ".[test]"
	touch $@

$(BIN)/.developed: $(BIN)/.tested
	$(PIP) install --editable ".[dev]"
	touch $@

$(LOWEST)/.tested: pyproject.toml tests/lowest.py
	rm -rf $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python tests/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip --disable-pip-version-check --quiet install --constraint $(LOWEST)/constraints.txt $(TORCH) --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) $(DEMO)
