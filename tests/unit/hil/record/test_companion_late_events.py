"""Events that come in a burst, or after the recorder's last look: each is in the file, or counted with a reason."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from hil.loop import keeper
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.kept import Kept
from hil.record import CompanionRecorder, RowLayout

pytestmark = pytest.mark.skipif(os.name != "posix", reason="stops a process")


def started(folder: Path, events: EventLog) -> CompanionRecorder:
    image = Image([Signal("level", "1", 0.0, 1.0, 0.0)])
    return CompanionRecorder(image, RowLayout(("level",), ()), events, folder, 0.01)


def texts(folder: Path) -> list[str]:
    return [json.loads(line)["text"] for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_recorder_started_again_after_the_last_cycle_is_told_in_the_events_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = Kept.finish

    def restarted_meanwhile(kept: Kept, *asked: object) -> bool:
        ended = finish(kept, *asked)  # type: ignore[arg-type]  # as it was asked
        kept._words[keeper.STARTS] += 1
        return ended

    monkeypatch.setattr(Kept, "finish", restarted_meanwhile)
    events = EventLog()
    recorder = started(tmp_path, events)
    events.emit(0.0, "run", "loop", "begun")
    recorder.push(0)
    recorded = recorder.finish()
    assert (recorded.restarts, recorded.events_lost, recorded.rows_written) == (1, 0, 1)
    assert [text[:32] for text in texts(tmp_path)] == ["begun", "the recorder was started again ("]


def test_a_burst_of_more_events_than_there_is_room_for_is_counted_with_the_reason(tmp_path: Path) -> None:
    events = EventLog()
    recorder = started(tmp_path, events)
    while recorder.process_id == 0 or not (tmp_path / "events.jsonl").exists():
        pass
    os.kill(recorder.process_id, signal.SIGSTOP)
    for number in range(1500):
        events.emit(0.0, "fault", "test", str(number))
    recorder.push(0)
    os.kill(recorder.process_id, signal.SIGCONT)
    recorded = recorder.finish()
    assert len(texts(tmp_path)) + recorded.events_lost == 1500
    assert recorded.events_lost > 0
    assert recorded.error == "more events in a moment than the recorder takes"
