"""R3.7: the draw as a rule of its own: nobody can foresee it, everybody can check it, and speed wins nothing."""

import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from booking import draws

DOCS = Path(__file__).resolve().parents[2] / "docs/ballot.md"
SEED = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"


def test_a_commitment_and_a_rank_are_what_sha256sum_says():
    assert draws.commitment(SEED) == "2a8abfa8cb9906290437854193ca6bca41d4d4e26d1d454bd66a35158095e737"
    rank = "49d83542d0538465cd4da40db935fed3fa64aa7c9baf73d6ff09b153c47c44fa"
    assert draws.rank(SEED, "7K3M-9PQ2-XT4V") == rank


def codes(count, generator):
    return [f"{generator.getrandbits(60):015X}" for _ in range(count)]


def test_a_script_that_asks_a_thousand_times_faster_wins_nothing():
    """40 numbers, 2,000 requests. The 20 of a script come first: 20 x 40 / 2,000 = 0.4 wins a draw."""
    generator, wins, draws_of_it = random.Random(3), 0, 400
    for _draw in range(draws_of_it):
        asked = codes(2_000, generator)
        fast = set(asked[:20])
        wins += len(fast & set(draws.order(f"{generator.getrandbits(256):064x}", asked)[:40]))
    # Hypergeometric, by the central limit within five standard deviations.
    assert abs(wins - 0.4 * draws_of_it) < 5 * (0.39 * draws_of_it) ** 0.5


def test_every_place_is_equally_likely_for_everybody():
    """12 requests, 3,000 seeds: each of the 144 counts is near 250 (chi-square with 121 degrees of freedom)."""
    generator = random.Random(7)
    asked, places = codes(12, generator), Counter()
    for _draw in range(3_000):
        order = draws.order(f"{generator.getrandbits(256):064x}", asked)
        places.update((code, place) for place, code in enumerate(order))
    chi_square = sum((places[code, place] - 250) ** 2 / 250 for code in asked for place in range(12))
    assert 121 - 5 * 242**0.5 < chi_square < 121 + 5 * 242**0.5


def test_the_order_is_that_of_the_ranks_whatever_the_order_of_asking():
    generator = random.Random(1)
    asked = codes(50, generator)
    order = draws.order(SEED, asked)
    assert order == draws.order(SEED, reversed(asked)) == draws.order(SEED, sorted(asked))
    assert [draws.rank(SEED, code) for code in order] == sorted(draws.rank(SEED, code) for code in asked)


@pytest.mark.parametrize(
    ("wishes", "any_slot", "won"),
    [([], True, 1), ([3], False, 3), ([2], False, None), ([2, 3, 1], False, 3), ([2], True, 1), ([4], True, 1)],
)
def test_the_first_wish_with_a_number_left_is_granted(wishes, any_slot, won):
    assert draws.choose(wishes, any_slot, {1: 1, 2: 0, 3: 2}) == won


@pytest.fixture
def record():
    """Three requests for two numbers: the first wants the first slot alone, the others any."""
    order = draws.order(SEED, ["AAA", "BBB", "CCC"])
    outcome = [([1], False, 1, ""), ([], True, 2, ""), ([], True, None, "none_left")]
    return {
        "seed": SEED,
        "commitment": draws.commitment(SEED),
        "slots": [{"slot": 1, "numbers": 1}, {"slot": 2, "numbers": 1}],
        "entries": [
            {"code": code, "wishes": wishes, "any_slot": any_slot, "won": won, "lost": lost}
            for code, (wishes, any_slot, won, lost) in zip(order, outcome, strict=True)
        ],
    }


def test_a_sound_record_has_no_fault(record):
    assert list(draws.faults(record)) == []


def test_another_seed_another_order_and_another_winner_are_found(record):
    first, second, third = record["entries"]
    for change, words in (
        ({"seed": "1" * 64}, "the seed is not the one"),
        ({"entries": [second, first, third]}, "not in the order of the seed"),
        ({"entries": [first, first, second, third]}, "not in the order of the seed"),
        ({"entries": [first | {"won": None, "lost": "none_left"}, second, third]}, "although a number of slot 1"),
        ({"entries": [first | {"won": 2}, second, third]}, "won a number of slot 2, not of slot 1"),
        ({"entries": [first, second, third | {"won": 2, "lost": ""}]}, "won a number of slot 2, not of slot None"),
    ):
        assert any(words in fault for fault in draws.faults(record | change)), words


def test_who_could_not_be_given_a_number_leaves_it_to_the_next(record):
    first, second, third = record["entries"]
    record["entries"] = [
        first | {"won": None, "lost": "not_possible"},
        second | {"won": 1},
        third | {"won": 2, "lost": ""},
    ]
    assert list(draws.faults(record)) == []


def documented_check(tmp_path, record_file):
    """The lines of docs/ballot.md, run as anybody would run them."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    assert len(code.splitlines()) == 12
    (tmp_path / "check.py").write_text(code)
    done = subprocess.run([sys.executable, tmp_path / "check.py", record_file], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]
