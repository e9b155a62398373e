import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pages():
    """The module beside this one; test folders are not packages."""
    path = Path(__file__).with_name("pages.py")
    spec = importlib.util.spec_from_file_location("report_pages", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["report_pages"] = module
    spec.loader.exec_module(module)
    return module
