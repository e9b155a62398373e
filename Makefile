# Two commands set everything up on a machine with Python 3.11 and pip: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# where a CPU build of this version is on the index, it spares gigabytes of GPU packages
TORCH := torch==2.13.0
DEMO ?= demo
# each worker takes its share of the files in order, and from the end of the others' shares when it is done
PYTEST_WORKERS := --numprocesses auto --maxprocesses 4 --dist worksteal
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: demo demo-dp test test-offline test-all check attack bench bench-audits calibration styles mutate fuzz study study-dp study-smotext models clean

demo: $(BIN)/.installed models  ## release a dataset of fictional clinic notes, verify it, say where the report is
	rm -rf $(DEMO)
	$(BIN)/synthgen init $(DEMO)
	$(BIN)/synthgen release $(DEMO)/clinic.yaml
	$(BIN)/synthgen verify $(DEMO)/out/release-* --trust $(DEMO)/trust.json
	@echo "report: $$(ls $(CURDIR)/$(DEMO)/out/release-*/report/report.html)"

demo-dp: $(BIN)/.installed models  ## the same under differential privacy, from 5,000 fictional patients, approved by two
	rm -rf $(DEMO)-dp
	$(BIN)/synthgen init $(DEMO)-dp --template clinic-dp
	$(BIN)/synthgen plan $(DEMO)-dp/clinic-dp.yaml
	$(BIN)/synthgen release $(DEMO)-dp/clinic-dp.yaml
	@for role in privacy_officer data_owner; do \
	  $(BIN)/synthgen approve $(DEMO)-dp/out/release-* --role $$role --key $(DEMO)-dp/keys/$$role.pem --trust $(DEMO)-dp/trust.json || exit; done
	$(BIN)/synthgen verify $(DEMO)-dp/out/release-* --trust $(DEMO)-dp/trust.json --policy strict-dp
	@echo "report: $$(ls -d $(DEMO)-dp/out/release-*)/report/report.html"

test: $(BIN)/.tested models  ## the tests of ten minutes on two cores: one release end to end, and every rule once
	$(BIN)/python -m pytest $(PYTEST_WORKERS) -m "not slow" $(PYTEST_ARGS)

test-offline: $(BIN)/.tested models  ## `test` where there is no network at all
	unshare -rn $(BIN)/python -m pytest $(PYTEST_WORKERS) -m "not slow" $(PYTEST_ARGS)

test-all: $(BIN)/.tested models  ## every test, those marked slow too
	$(BIN)/python -m pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

check: $(BIN)/.developed  ## format, lint, types
	$(BIN)/ruff format --check synthgen audits studies tests examples benchmarks training
	$(BIN)/ruff check synthgen audits studies tests examples benchmarks training
	$(BIN)/mypy

# under a secret that is drawn anew, 180 notes miss a rule of utility now and then, which is nothing to the adversary
attack: $(BIN)/.tested models  ## play the adversary against a release of the demo that has a secret, or ATTACK=CONFIG that was released
ifndef ATTACK
	rm -rf build/attack
	$(BIN)/synthgen init build/attack
	sed -e 's/^name: .*/name: attack/' -e 's/limit: 0\.[58]0$$/limit: 0.1/' policies/research.yaml > build/attack/attack.yaml
	sed -i.trial -e '/^secret:/d' -e 's/^policy: .*/policy: attack.yaml/' build/attack/clinic.yaml
	$(BIN)/synthgen release build/attack/clinic.yaml
endif
	$(BIN)/python benchmarks/attack.py $(or $(ATTACK),build/attack/clinic.yaml) $(ATTACK_ARGS)

bench: $(BIN)/.tested models  ## how fast the decode loop, the neighbour search and the over-samplers are beside the libraries', and the audits
	$(BIN)/python benchmarks/decode.py
	$(BIN)/python benchmarks/workers.py
	$(BIN)/python benchmarks/neighbours.py
	$(BIN)/python benchmarks/interpolate.py
	$(BIN)/python benchmarks/audit_times.py

bench-audits: $(BIN)/.tested models  ## the audits beside anonymeter, SDMetrics and mostlyai-qa on the calibration; 3 GB of environments in build/peers
	$(BIN)/python benchmarks/peers.py --markdown build/peers/peers.md $(PEERS_ARGS)

calibration: $(BIN)/.tested models  ## the audits' calibration calibration over corpora and seeds, hours on two cores; goes on where it stopped
	mkdir -p build/calibration
	$(BIN)/python benchmarks/calibration.py --checkpoints build/calibration --markdown build/calibration/calibration.md $(LADDER_ARGS)

styles: $(BIN)/.tested models  ## train the shelf's styles on public and invented text, two hours on two cores; SYNTHGEN_DATA says where the former is
	mkdir -p build/styles
	$(BIN)/python training/corpora.py --out build/styles > build/styles/train.sh
	PATH=$(CURDIR)/$(BIN):$$PATH sh -e build/styles/train.sh
	$(BIN)/python -c "from synthgen.models.shipped import shipped_folders as now; print(now())"  # for the table there

mutate: $(BIN)/.tested  ## disable each check of verifier, gate, ledger and stages' keys in turn; tests must notice; an hour
	$(BIN)/python benchmarks/mutate.py --markdown build/mutants.md $(MUTATE_ARGS)

fuzz: $(BIN)/.tested  ## 20,000 spoilt envelopes, statements, policies, trust roots, tables, timestamps; ten minutes
	$(BIN)/python benchmarks/fuzz.py $(FUZZ_ARGS)

study: $(BIN)/.tested models  ## the feature-augmentation paper's experiment; SYNTHGEN_DATA says where SST-2 and AG News are
	$(BIN)/python -m studies feature-augmentation $(STUDY_ARGS)

study-smotext: $(BIN)/.tested models  ## the SMOTExT paper's table, some hours on two cores; goes on where it stopped
	$(BIN)/python -m studies smotext $(STUDY_ARGS)

.PHONY: picture
REPORT ?= $(wildcard $(CURDIR)/$(DEMO)/out/release-*/report/report.html)
CHROMIUM ?= chromium
SHOT := $(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,2300
SMALLER := from PIL import Image; p = Image.open("docs/report.png").convert("RGB"); \
	p.quantize(64, dither=Image.Dither.NONE).save("docs/report.png", optimize=True)

picture: $(BIN)/.installed  ## docs/report.png again, from the report of `make demo` or REPORT=FILE; never of real data
	@test -f "$(REPORT)" || { echo "no report: run make demo first, or say REPORT=FILE"; exit 2; }
	$(SHOT) --user-data-dir=$(CURDIR)/build/chromium --screenshot=docs/report.png "file://$(abspath $(REPORT))"
	rm -rf build/chromium
	$(BIN)/python -c '$(SMALLER)'

study-dp: $(BIN)/.tested models  ## what differential privacy costs; all of it days on two cores, so name rows; goes on where it stopped
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

clean:
	rm -rf $(VENV) $(DEMO)
