from units import UNIT


def test_unit_is_a_text():
    assert isinstance(UNIT, str)
