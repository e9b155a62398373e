import pytest


@pytest.fixture
def server(module_at):
    with module_at("tests/unit/synthgen/chat_server.py").chat_server() as running:
        yield running
