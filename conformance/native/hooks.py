"""What a schema cannot say: the expressions of tags that are well formed."""

import schemathesis
from hypothesis import strategies

# As many tags, and brackets as deep, as make a test of the grammar and not of its limits.
LEAVES_MAX = 12

plain = strategies.from_regex(r"[A-Za-z0-9:._-]{1,12}", fullmatch=True).filter(
    lambda tag: tag not in ("AND", "OR", "NOT"))
quoted = strategies.text(
    strategies.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12,
).map(lambda tag: '"' + tag.replace("\\", "\\\\").replace('"', '\\"') + '"')
tag = plain | quoted
leaf = tag | tag.map(lambda prefix: f"{prefix}*")


def grow(inner):
    """An expression of smaller ones, each in brackets, so that it is clear what is meant."""
    several = strategies.lists(inner.map(lambda one: f"({one})"), min_size=2, max_size=3)
    words = strategies.sampled_from([" AND ", " OR "])
    return (inner.map(lambda one: f"NOT ({one})")
            | strategies.builds(lambda word, all_of_it: word.join(all_of_it), words, several))


expression = strategies.just("") | strategies.recursive(leaf, grow, max_leaves=LEAVES_MAX)
schemathesis.openapi.format("tags-expression", expression)
