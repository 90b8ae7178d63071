"""What does not come back: the service's own end, and the store's."""

import signal

import pytest

from tests.service import world
from tests.service.checking import Oracle, given, recorded, sound
from tests.service.running import Service, calling, wait_for


@pytest.fixture(params=["loop", "gthread"])
def service(request, folder, store, early, late):
    world.route(store, {1: early, 2: late})
    with Service(folder, WORKERS="2", WORKER_CLASS=request.param) as service:
        service.wait_until_ready()
        yield service


def test_sigterm_finishes_what_was_begun(service, store, folder, early, late):
    with calling(service, world.USERS) as callers:
        wait_for(lambda: len(callers.responses) > 200, service)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
    sound(callers, Oracle(store, folder / "oracle", early, late))
    assert recorded(store) == given(callers)


def test_answers_go_on_when_the_store_is_gone(service, folder):
    with calling(service, world.USERS) as callers:
        for file in folder.glob("marquee.db*"):
            file.rename(f"{file}.gone")
        (folder / "marquee.db").write_bytes(b"rubbish" * 1000)
        before = len(callers.responses)
        wait_for(lambda: len(callers.responses) > before + 600, service)
    assert callers.failures == []
    assert {response.status for response in callers.responses} == {200}
