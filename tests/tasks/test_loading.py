import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forerun.errors import DataError
from forerun.tasks import load_table, load_task

ROWS = [("a", 1.5), ("b, c", 2.0), (None, 3.0)]
EXPECTED = pd.DataFrame(ROWS, columns=["name", "size"])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("t.csv", 'name,size\na,1.5\n"b, c",2\n,3\n'),
        ("bom.csv", '\ufeffname,size\na,1.5\n"b, c",2\n?,3\n'),
        ("windows.csv", 'name,size\r\na,1.5\r\n"b, c",2\r\nNA,3\r\n'),
        ("semicolons.csv", "name;size\na;1.5\nb, c;2\n;3\n\n"),
        ("tabs.tsv", "name\tsize\na\t1.5\nb, c\t2\n\t3\n"),
        ("spaces.csv", 'name, size\na, 1.5\n"b, c", 2\n, 3\n'),
        ("lists.csv", '"name", "size"\n"a", "1.5"\n "b, c", "2"\n"", "3"\n'),
        ("numbered.csv", ',name,size\n0,a,1.5\n1,"b, c",2\n2,,3\n'),
        ("t.arff", "@relation t\n@attribute name {a,'b, c'}\n@attribute size numeric\n@data\na,1.5\n'b, c',2\n?,3\n"),
    ],
)
def test_tables_are_read_in_every_format(tmp_path, file, text):
    (tmp_path / file).write_text(text, encoding="utf-8", newline="")
    frame = load_table(tmp_path / file)
    pd.testing.assert_frame_equal(frame.astype({"name": object}), EXPECTED, check_dtype=False)


def test_parquet_is_read_and_its_index_is_no_column(tmp_path):
    EXPECTED.set_index(pd.Index([5, 6, 7])).to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(load_table(tmp_path / "t.parquet"), EXPECTED, check_dtype=False)


def test_nominal_attributes_of_arff_are_categories_even_if_they_are_digits(tmp_path):
    text = "@relation t\n@attribute n {1,2}\n@attribute s string\n@data\n1,u\n2,v\n"
    (tmp_path / "t.arff").write_text(text)
    assert str(load_table(tmp_path / "t.arff")["n"].dtype) == "category"


def test_a_nameless_first_column_that_does_not_count_is_kept(tmp_path):
    (tmp_path / "t.csv").write_text(",b\n4,1\n9,2\n1,3\n")
    assert load_table(tmp_path / "t.csv").columns.tolist() == ["column_1", "b"]


BAD = {
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b"\n\n", "blank lines only"),
    "header.csv": (b"a,b\n", "at least one row"),
    "latin.csv": ("a,b\né,1\n".encode("latin-1"), r"must be UTF-8; byte 5 is not.*iconv -f LATIN1 -t UTF-8 latin.csv"),
    "utf16.csv": ("a,b\n1,2\n".encode("utf-16-le"), "NUL characters"),
    "long.csv": (b"a,b\n1,2\n1,2,3\n", "must have 2 fields.*; line 3 has 3"),
    "short.csv": (b"a,b\n1,2\n\n1\n", "must have 2 fields.*; line 4 has 1"),
    "quotes.csv": (b'a,b\n1,"2\n', "is not CSV.*Mend the quotes"),
    "twice.csv": (b"a,b,a\n1,2,3\n", "more than one is called 'a'"),
    "nameless.csv": (b"a,,b\n1,2,3\n", "column 2 has none"),
    "twice.arff": (b"@relation t\n@attribute a numeric\n@attribute a numeric\n@data\n1,2\n", "is already in use"),
    "garbage.arff": (b"garbage", "is not ARFF.*convert it to CSV"),
    "undeclared.arff": (b"@relation t\n@attribute a {x,y}\n@data\nz\n", "z not found in nominal declaration"),
    "garbage.parquet": (b"garbage", "is not a Parquet file"),
    "table.xlsx": (b"PK", r"must end in one of \.csv, \.tsv, \.parquet, \.arff; got 'table.xlsx'"),
}


@pytest.mark.parametrize("file", BAD)
def test_files_that_are_no_tables_say_why(tmp_path, file):
    content, message = BAD[file]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_table(tmp_path / file)


def test_parquet_with_columns_of_the_same_name_is_refused(tmp_path):
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="more than one is called 'a'"):
        load_table(tmp_path / "t.parquet")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_table(tmp_path / "t.csv")
    with pytest.raises(DataError, match="is a folder"):
        load_table(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")

    def forbid(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "read_bytes", forbid)  # chmod does not stop root
    with pytest.raises(DataError, match=r"cannot read .*: Permission denied"):
        load_table(path)


def test_a_task_is_made_of_a_file_in_one_call(tmp_path):
    path = tmp_path / "my data (1).csv"
    pd.DataFrame({"x": np.arange(30), "c": list("uvw") * 10, "y": np.arange(30) % 2}).to_csv(path, index=False)
    task = load_task(path, "y", max_rows=20, metric="accuracy")
    assert task.name == task.family == "my_data_1_"
    assert (task.metric.name, task.source, task.categorical) == ("accuracy", "file my data (1).csv", ["c"])
    assert len(task.train) == 12
