import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import ConfigError
from synthgen.core.yaml_file import MAX_CONFIG_BYTES, read_yaml


def load(tmp_path, data):
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"version: \xff", "not UTF-8 text"),
        (b"", "must hold keys and values"),
        (b"- 1\n- 2\n", "must hold keys and values"),
        (b"just words", "must hold keys and values"),
        (b"a: [1", "not valid YAML"),
        (b"a: 1\n---\nb: 2\n", "line 2: not valid YAML"),
        (b"a: \x01", "not valid YAML"),
        (b"a: 2026-13-45", "not valid YAML"),
        (b"a: " + b"9" * 5000, "not valid YAML"),
        (b"#" * (MAX_CONFIG_BYTES + 1), f"larger than {MAX_CONFIG_BYTES} bytes"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory"):
        read_yaml(tmp_path)


@given(st.binary(max_size=60) | st.text(alphabet="a1:[]{}&*!-'\"\n\t #<|>%@,", max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "c.yaml"
    path.write_bytes(data)
    with contextlib.suppress(ConfigError):
        assert isinstance(read_yaml(path), dict)
