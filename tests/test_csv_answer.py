"""CSV files: what spreadsheets open rightly, and do not run."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from queueboard import csv_answer


def test_a_file_has_a_byte_order_mark_a_name_and_its_numbers():
    answer = csv_answer.answer("table1", ["专家", "n"], [["王建华", 0.1 + 0.2], ["b", None], ["c", -3]])
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer["Content-Disposition"] == 'attachment; filename="table1.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows == [["专家", "n"], ["王建华", "0.3"], ["b", ""], ["c", "-3"]]


@given(st.text(max_size=30))
def test_no_text_begins_like_a_formula(text):
    cell = csv_answer.safe(text)
    assert not cell.startswith(csv_answer.FORMULA)
    assert cell.endswith(text)
