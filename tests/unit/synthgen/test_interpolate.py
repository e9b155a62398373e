from synthgen import interpolate
from synthgen.stages import interpolate as room


def test_the_public_names_are_those_of_the_room():
    assert all(getattr(interpolate, name) is getattr(room, name) for name in interpolate.__all__)
