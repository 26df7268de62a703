from words import count


def test_count():
    assert count("one two three") == 3
