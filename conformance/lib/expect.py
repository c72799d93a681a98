"""Compares what a client decoded with what is expected, and says in words where they differ.

An expectation is data: dicts are compared by the keys that they name (more keys in the answer are
fine), lists item by item and in order, anything else by value and type. A function in it is asked.
"""


def differences(expected, actual, where="answer"):
    """The differences, as a list of sentences; empty if there are none."""
    if callable(expected):
        wrong = expected(actual)
        return [f"{where}: {wrong}, got {actual!r}"] if wrong else []
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{where}: expected an object, got {actual!r}"]
        return [difference for key, value in expected.items()
                for difference in differences(value, actual.get(key, MISSING), f"{where}.{key}")]
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return [f"{where}: expected a list of {len(expected)}, got {actual!r}"]
        return [difference for i, value in enumerate(expected)
                for difference in differences(value, actual[i], f"{where}[{i}]")]
    if type(expected) is not type(actual) or expected != actual:
        return [f"{where}: expected {expected!r}, got {actual!r}"]
    return []


class _Missing:
    def __repr__(self):
        return "nothing"


MISSING = _Missing()


def empty(actual):
    """Absent, null or empty, since typed clients drop what is empty."""
    return None if actual is MISSING or actual in (None, "", [], {}) else "expected nothing"


def absent(actual):
    return None if actual is MISSING else "expected not to be there"


def some_text(actual):
    return None if isinstance(actual, str) and actual else "expected some text"


def between(low, high):
    def ask(actual):
        is_number = isinstance(actual, int) and not isinstance(actual, bool)
        return None if is_number and low <= actual <= high else f"expected {low} to {high}"
    return ask


def beginning(prefix):
    def ask(actual):
        begins = isinstance(actual, str) and actual.startswith(prefix)
        return None if begins else f"expected text beginning {prefix!r}"
    return ask
