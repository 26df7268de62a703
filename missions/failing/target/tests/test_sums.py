from sums import add


def test_add():
    assert add(2, 2) == 4


def test_add_nothing():
    assert add(5, 0) == 5
