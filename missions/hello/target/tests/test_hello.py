import pytest
from goodbye import take_leave
from hello import greet


def test_greets_by_name():
    assert greet("Ada") == "Hello, Ada"


def test_refuses_nobody():
    with pytest.raises(ValueError, match="nobody"):
        greet("")


def test_takes_leave():
    assert take_leave("Ada") == "Goodbye, Ada"
