"""Reading tables: CSV, Parquet and ARFF files to data frames, and from there to tasks."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Unpack

import pandas as pd

from forerun.errors import DataError
from forerun.tasks.making import TaskOptions, make_task
from forerun.tasks.task import Task

DELIMITERS = (",", ";", "\t")


def load_task(path: str | Path, target: str, *, name: str | None = None, **options: Unpack[TaskOptions]) -> Task:
    """Make a task of a file; name defaults to the file's, options are those of `make_task`.

    Raises DataError for a file that cannot be read, or that no task can be made of.
    """
    path = Path(path)
    options.setdefault("source", f"file {path.name}")
    return make_task(load_table(path), target, name=name or plain(path.stem), **options)


def plain(text: str) -> str:
    """Text as the name of a task: anything but letters, digits, '.' and '-' becomes '_'."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text)


def load_table(path: str | Path) -> pd.DataFrame:
    """Read a .csv, .tsv, .parquet or .arff file; every column has a name of its own, and there is a row.

    Text is UTF-8; CSV is separated by commas, semicolons or tabs, with names in the first row. Empty cells, '?'
    and the usual words ('NA', 'nan', 'null', ...) are missing. Raises DataError, saying what to do.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"no such file: {str(path)!r}. Check the path; it is read from {str(Path.cwd())!r}")
    if path.is_dir():
        raise DataError(f"a table must be one file; {str(path)!r} is a folder. Name a file in it")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"a table must end in one of {', '.join(READERS)}; got {path.name!r}. Convert or rename it")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"table {path.name!r} must have names and rows; it is empty")
        frame = reader(path)
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    if frame.empty:
        raise DataError(f"table {path.name!r} must have at least one row and one column; got {frame.shape}")
    return frame


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"text of {path.name!r} must be UTF-8; byte {error.start + 1} is not. Convert it, for example with "
            f"'iconv -f LATIN1 -t UTF-8 {path.name} > utf8_{path.name}'"
        ) from error
    if "\0" in text:
        raise DataError(f"text of {path.name!r} must have no NUL characters; it seems to be a binary or UTF-16 file")
    return text


def read_csv(path: Path) -> pd.DataFrame:
    """Read CSV strictly: pandas alone would pad short rows and rename columns of the same name."""
    text = read_text(path)
    first_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=lambda mark: len(next(csv.reader([first_line], delimiter=mark), [])))
    try:
        rows = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True, skipinitialspace=True)
        filled = ((rows.line_num, row) for row in rows if row)
        _, header = next(filled, (0, []))
        if not header:
            raise DataError(f"table {path.name!r} must have names and rows; it has blank lines only")
        for line, row in filled:
            if len(row) != len(header):
                raise DataError(
                    f"every row of {path.name!r} must have {len(header)} fields, as its first row has; line {line} has "
                    f"{len(row)}. Mend that line; a field with {delimiter!r} in it must be in double quotes"
                )
    except csv.Error as error:
        raise DataError(
            f"{path.name!r} is not CSV: {error}, near line {rows.line_num}. Mend the quotes there"
        ) from error
    check_header(path, header)
    frame = pd.read_csv(io.StringIO(text), sep=delimiter, na_values=["?"], skipinitialspace=True, low_memory=False)
    return without_row_numbers(frame)


def check_header(path: Path, names: list[str]) -> None:
    """Columns need names of their own; only the first may be nameless (row numbers, as pandas writes them)."""
    names = [name.strip() for name in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"columns of {path.name!r} must have different names; more than one is called "
            f"{', '.join(map(repr, twice))}. Rename them in its first row"
        )
    if "" in names[1:]:
        raise DataError(f"columns of {path.name!r} must have names; column {names.index('', 1) + 1} has none")


def without_row_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop a nameless first column that counts the rows: it tells nothing but the order of the file."""
    first = frame.columns[0]
    if str(first) != "Unnamed: 0":
        return frame
    if pd.api.types.is_integer_dtype(frame[first]) and frame[first].diff().iloc[1:].eq(1).all():
        return frame.drop(columns=first)
    return frame.rename(columns={first: "column_1"})


def read_parquet(path: Path) -> pd.DataFrame:
    """Read Parquet; an index that pandas stored is not a column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.ParquetFile(path).schema_arrow.names
        check_header(path, names)
        return pd.read_parquet(path).reset_index(drop=True)
    except pa.ArrowException as error:
        raise DataError(f"{path.name!r} is not a Parquet file that can be read: {error}. Write it anew") from error


def read_arff(path: Path) -> pd.DataFrame:
    """Read ARFF: nominal attributes become categories, strings text, '?' missing."""
    import arff

    try:
        content = arff.loads(read_text(path))
    except arff.ArffException as error:
        raise DataError(
            f"{path.name!r} is not ARFF that can be read: {error}. Mend it, or convert it to CSV"
        ) from error
    frame = pd.DataFrame(content["data"], columns=[name for name, _ in content["attributes"]])
    nominal = [name for name, values in content["attributes"] if isinstance(values, list)]
    return frame.astype(dict.fromkeys(nominal, "category"))


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
    ".arff": read_arff,
}
