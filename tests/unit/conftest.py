import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def releases():
    """The module beside this one: keys, trust roots and small bundles; test folders are not packages."""
    path = Path(__file__).with_name("releases.py")
    spec = importlib.util.spec_from_file_location("unit_releases", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["unit_releases"] = module
    spec.loader.exec_module(module)
    return module
