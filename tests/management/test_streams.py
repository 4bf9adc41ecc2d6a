"""What a command makes of its standard streams and of the files that it is given, whatever they are."""

from __future__ import annotations

import errno
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.core.management.color import color_style

from accounts_review.management.commands.add_workspace import _key_in
from accounts_review.management.files import content_of, written_whole
from cleanup_portal import streams

ROOT = Path(__file__).parents[2]
FULL = Path("/dev/full")


def portal(code: str, tmp_path: Path, *, redirect: str = "", **given: str) -> subprocess.CompletedProcess[str]:
    """A command that runs this code, started by a shell that redirects its streams."""
    words = f'"{sys.executable}" "{ROOT / "manage.py"}" shell -v 0 -c "$CODE" {redirect}'
    env = os.environ | {"DATA_DIR": str(tmp_path), "CODE": code} | given
    return subprocess.run(["bash", "-c", words], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("redirect", [">&-", "> /dev/full", "| true; exit ${PIPESTATUS[0]}"])
def test_an_output_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path, redirect: str) -> None:
    done = portal("print('x' * 1_000_000)", tmp_path, redirect=redirect)
    assert done.returncode == 1
    assert done.stderr.startswith("Standard output cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_word_that_is_still_in_the_buffer_at_the_end_counts(tmp_path: Path) -> None:
    done = portal("print('one word')", tmp_path, redirect="> /dev/full")
    assert (done.returncode, done.stderr.count("Standard output cannot be written")) == (1, 1)


def test_no_file_takes_the_place_of_a_stream_that_is_closed(tmp_path: Path) -> None:
    code = f"file = open({str(tmp_path / 'file')!r}, 'w'); import os; os.write(1, b'x') if file.fileno() < 3 else None"
    done = portal(code, tmp_path, redirect="<&- >&- 2>&-")
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == ""


def test_what_is_printed_into_a_file_is_utf_8(tmp_path: Path) -> None:
    done = portal("print('é\\udcff')", tmp_path, redirect=f"> '{tmp_path}/out'", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert (tmp_path / "out").read_text(encoding="utf-8") == "é\\udcff\n"


def test_who_wants_no_buffer_is_shown_a_line_as_it_is_printed(tmp_path: Path) -> None:
    done = portal("print('early', flush=False); import os; os._exit(0)", tmp_path, PYTHONUNBUFFERED="1")
    assert done.stdout == "early\n"


def test_an_argument_that_is_no_text_is_named(tmp_path: Path) -> None:
    command: list[str | bytes] = [sys.executable, str(ROOT / "manage.py"), "hold", "--actor", b"r\xff", "--reason", "x"]
    env = os.environ | {"DATA_DIR": str(tmp_path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Not UTF-8: 'r\\udcff'. Nothing was done.\n")


def test_no_text_that_somebody_wrote_commands_a_terminal(tmp_path: Path) -> None:
    """Anybody with a role may give the reason for a hold, which every administrator's shell then shows."""
    code = r"import sys; sys.stderr.write('\x1b]0;title\x07 \x1b[2J\r \x9b31m \x1b[31;1mred\x1b[0m é\t\n')"
    done = portal(code, tmp_path)
    assert done.stderr == "\\x1b]0;title\\x07 \\x1b[2J\\r \\x9b31m \x1b[31;1mred\x1b[0m é\t\n"


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[8mhidden",
        "\x1b[30;40mblack\x1b[0m",
        "\x1b[38;5;0mdark\x1b[0m",
        "\x1b[31;1mno end",
        "\x1b[0m\x1b[8mhidden",
        "\u202eturned",
    ],
)
def test_no_text_that_somebody_wrote_hides_by_its_colour_or_direction(hostile: str) -> None:
    escaped = ascii(hostile)[1:-1]
    assert streams.shown(f"held: {hostile}, and so on") == f"held: {escaped}, and so on"
    within = streams.shown(color_style(force_color=True).ERROR(f"CommandError: {hostile}\n"))
    assert escaped.split("m")[-1] in within
    assert set(re.findall(r"\x1b\[[^m]*m|\u202e", within)) <= {"\x1b[31;1m", "\x1b[0m"}, "nothing but Django's red"


def test_what_django_colours_is_coloured() -> None:
    style = color_style(force_color=True)
    for written in (style.ERROR("one\ntwo\n"), f"{style.MIGRATE_LABEL('  Apply: ')}all{style.SUCCESS(' OK')}\n"):
        assert streams.shown(written) == written


def test_nor_does_standard_output_at_a_terminal_and_a_file_holds_what_it_was_given(tmp_path: Path) -> None:
    code = "import sys; sys.argv[1:] = ['sync']\nfrom cleanup_portal import streams; streams.prepare()\n"
    code += "print('\\x1b[2J'); sys.stdout.write('a,b\\r\\n')"
    command = [sys.executable, "-c", code]
    mine, theirs = pty.openpty()
    subprocess.run(command, stdout=theirs, cwd=ROOT, check=True)
    assert os.read(mine, 100) == b"\\x1b[2J\r\na,b\r\r\n", "and the rows of a table end as they do"
    assert subprocess.run(command, capture_output=True, cwd=ROOT, check=True).stdout == b"\x1b[2J\na,b\r\n"
    for end in (mine, theirs):
        os.close(end)


@contextmanager
def starting_with(number: signal.Signals, handler: signal.Handlers) -> Iterator[None]:
    """Have whatever is started meanwhile begin so: whoever started this run may have the signal ignored."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def test_ctrl_c_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    with starting_with(signal.SIGINT, signal.SIG_DFL):
        done = portal("import os, signal; os.kill(os.getpid(), signal.SIGINT)", tmp_path)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "Interrupted.\n"), (signal.SIGTERM, "")])
def test_what_says_stop_amid_tidying_up_is_not_lost(tmp_path: Path, number: signal.Signals, said: str) -> None:
    """From where Python tidies up, no error comes out: a command went on, and told of it in a traceback."""
    code = f"""
import os, signal, time
class Tidied:
    def __del__(self):
        os.kill(os.getpid(), {int(number)})
        sum(range(10))
tidied = Tidied()
del tidied
time.sleep(20)
"""
    with starting_with(signal.SIGINT, signal.SIG_DFL):
        done = portal(code, tmp_path)
    assert (done.returncode, done.stderr) == (128 + number, said)


def test_what_a_database_says_of_its_disk_is_told_not_what_follows_from_it(tmp_path: Path) -> None:
    code = """
from django.db import InternalError, OperationalError
try:
    raise OperationalError("No space left on device")
except OperationalError:
    raise InternalError("current transaction is aborted")
"""
    done = portal(code, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be used: No space left on device\nCheck ")
    assert len(done.stderr.splitlines()) == 2


def test_a_database_that_may_only_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    code = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SET default_transaction_read_only = on")
    cursor.execute("CREATE TABLE piece ()")
"""
    done = portal(code, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be used: cannot execute CREATE TABLE in a read-only transaction")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(("starter", "status"), [(signal.SIG_DFL, 129), (signal.SIG_IGN, 0)])
def test_a_terminal_that_closes_ends_a_command_unless_its_starter_has_that_ignored(
    tmp_path: Path, starter: signal.Handlers, status: int
) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGHUP)"
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-v", "0", "-c", code]
    with starting_with(signal.SIGHUP, starter):
        assert subprocess.run(command, env=os.environ | {"DATA_DIR": str(tmp_path)}).returncode == status


def test_a_file_has_its_name_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("before")
    path.chmod(0o640)
    with written_whole(path) as file:
        file.write(b"after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert mode_of(path) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[None]:
    """That of nearly everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_nobody_else_reads_a_file_before_it_is_whole(tmp_path: Path) -> None:
    with written_whole(tmp_path / "report") as file:
        file.write(b"whole")
        file.flush()
        assert [mode_of(path) for path in tmp_path.iterdir()] == [0o600]
    assert mode_of(tmp_path / "report") == 0o644


def test_a_file_that_two_write_at_once_is_that_of_the_last(tmp_path: Path) -> None:
    path = tmp_path / "report"
    with written_whole(path) as one:
        with written_whole(path) as other:
            other.write(b"other")
        one.write(b"one")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    with written_whole(path) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to somebody else")
def test_a_file_stays_that_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.touch()
    os.chown(path, 65534, 65533)
    with written_whole(path) as file:
        file.write(b"after")
    assert (path.stat().st_uid, path.stat().st_gid, path.read_bytes()) == (65534, 65533, b"after")


# Each is said of a new file in its folder, or of a new name for it, where the file itself can be written.
NOT_HERE = [errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV, errno.ENAMETOOLONG, errno.EINVAL]


@pytest.mark.parametrize("number", NOT_HERE)
@pytest.mark.parametrize("refused", ["open", "chown", "replace"])
def test_a_file_whose_folder_takes_no_other_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str, number: int
) -> None:
    path = tmp_path / "report"
    path.write_text("what was there before")
    path.chmod(0o640)
    refuse(monkeypatch, refused, number)
    with written_whole(path) as file:
        file.write(b"after")
    assert (path.read_text(), mode_of(path)) == ("after", 0o640)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("refused", ["open", "replace"])
def test_a_new_file_that_its_folder_does_not_take_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    refuse(monkeypatch, refused, errno.EACCES)
    path = tmp_path / "report"
    with pytest.raises(CommandError, match=f"^{path} cannot be written: Permission denied$"), written_whole(path):
        pass
    assert list(tmp_path.iterdir()) == []


def refuse(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """Have the system refuse this, as it does where a test is not run by root."""

    def refusing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refusing)


def fill_the_disk_at(path: Path) -> None:
    with written_whole(path) as file, FULL.open("wb", buffering=0) as full:
        file.write(b"half")
        full.write(b"half")


def test_a_file_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("before")
    with pytest.raises(CommandError, match=f"^{path} cannot be written: No space left on device$"):
        fill_the_disk_at(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    (tmp_path / "link").symlink_to("kept")
    with written_whole(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept").read_text() == "new"


def test_a_pipe_stays_one_and_is_written_to(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with written_whole(pipe) as file:
        file.write(b"new")
    reader.join()
    assert read == [b"new"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["", "nowhere/report"])
def test_a_place_where_no_file_can_be_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match=f"^{tmp_path / name} cannot be written: "), written_whole(tmp_path / name):
        pass


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(CommandError, match=r"^/dev/full cannot be read: it holds more than 1,000 bytes$"):
        content_of(FULL, largest=1000)


def test_a_folder_is_no_file_to_read(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"^{tmp_path} cannot be read: Is a directory$"):
        content_of(tmp_path)


def test_a_key_may_come_in_a_file_as_windows_writes_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfkey\r\n")
    assert _key_in(str(tmp_path / "key")) == "key"
