"""Progress: a bar on a terminal, plain lines in a log, silence for quick work."""

import io

import pytest

from evalgate.cli.progress import Bar, Lines, Silent, progress_on
from evalgate.core.progress import CallsSoFar


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


class Gone(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text):
        raise BrokenPipeError


def worked(progress, clock, steps, each_s):
    progress.start("recording tickets", steps)
    for _ in range(steps):
        clock.now += each_s
        progress.advance()
    progress.done()


@pytest.mark.parametrize("kind", [Bar, Lines])
def test_work_under_a_second_is_silent(kind):
    stream, clock = io.StringIO(), Clock()
    worked(kind(stream, clock), clock, 9, 0.1)
    assert stream.getvalue() == ""


def test_the_bar_is_redrawn_in_place_and_removed():
    stream, clock = io.StringIO(), Clock()
    worked(Bar(stream, clock), clock, 40, 0.1)
    shown = stream.getvalue()
    assert "recording tickets: 20/40 [==============              ] 50%, 2 s left" in shown
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")


def test_the_bar_is_not_redrawn_for_every_step():
    stream, clock = io.StringIO(), Clock()
    worked(Bar(stream, clock), clock, 10_000, 0.001)
    assert 50 < stream.getvalue().count("\r") < 120


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end():
    stream, clock = io.StringIO(), Clock()
    worked(Lines(stream, clock), clock, 1000, 0.0625)
    assert stream.getvalue().splitlines() == [
        "evalgate: recording tickets: 240/1,000 after 15 s, 48 s left",
        "evalgate: recording tickets: 480/1,000 after 30 s, 32 s left",
        "evalgate: recording tickets: 720/1,000 after 45 s, 18 s left",
        "evalgate: recording tickets: 960/1,000 after 1 min 0 s, 2 s left",
        "evalgate: recording tickets: 1,000/1,000, done in 1 min 2 s",
    ]
    assert "\x1b" not in stream.getvalue()


def test_work_without_steps_ends_well():
    stream, clock = Terminal(), Clock()
    bar = Bar(stream, clock)
    bar.start("nothing", 0)
    clock.now += 5
    bar.advance(0)
    bar.done()
    bar.done()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_second_piece_of_work_begins_anew():
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    worked(lines, clock, 4, 10)
    worked(lines, clock, 4, 0.1)
    assert stream.getvalue().count("done in") == 1


def test_a_reader_that_went_away_does_not_stop_the_work():
    clock = Clock()
    worked(Bar(Gone(), clock), clock, 20, 1)


@pytest.mark.parametrize(
    ("stream", "environ", "quiet", "kind"),
    [
        (Terminal(), {}, False, Bar),
        (Terminal(), {"CI": "true"}, False, Lines),
        (Terminal(), {"TERM": "dumb"}, False, Lines),
        (io.StringIO(), {}, False, Lines),
        (io.StringIO(), {"FORCE_COLOR": "1"}, False, Lines),
        (Terminal(), {}, True, Silent),
    ],
)
def test_the_stream_decides_how_progress_shows(stream, environ, quiet, kind):
    assert type(progress_on(stream, environ, quiet=quiet)) is kind


def test_a_line_tells_what_calls_came_to_also_when_no_step_ends():
    stream, clock = io.StringIO(), Clock()
    progress = Lines(stream, clock)
    progress.start("mail: calling", 40)
    progress.advance(10)
    clock.now += 16
    progress.calls(CallsSoFar(made=18, reused=2, in_flight=8, failed=3, spent_usd=0.0213))
    clock.now += 1
    progress.calls(CallsSoFar(made=19, reused=2, in_flight=8, failed=3, spent_usd=0.03))
    assert stream.getvalue() == (
        "evalgate: mail: calling: 10/40 after 16 s, 48 s left; "
        "18 called, 2 reused, 8 in flight, 3 failed, $0.0213\n"
    )
    progress.done()
    assert stream.getvalue().endswith(
        "10/40, done in 17 s; 19 called, 2 reused, 8 in flight, 3 failed, $0.0300\n"
    )


def test_the_bar_tells_calls_too_and_nothing_of_work_without_any():
    stream, clock = io.StringIO(), Clock()
    progress = Bar(stream, clock)
    progress.start("mail: calling", 4)
    clock.now += 2
    progress.advance(2)
    assert stream.getvalue().endswith("] 50%, 2 s left")
    clock.now += 1
    progress.calls(CallsSoFar(made=4, reused=0, in_flight=1, failed=0, spent_usd=0.0))
    assert stream.getvalue().endswith("] 50%, 3 s left; 4 called, 0 reused, 1 in flight")
