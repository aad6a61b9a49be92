"""Chapter 13, role `open-group-server`: does the server start, tell its health, take its time from the clock, and stop?"""

from cloister_conformance.clause import clause
from cloister_conformance.open_group_script import ServerUnderTest
from cloister_conformance.plugin import BeginServer
from cloister_conformance.script import Answer

TIME_TOLERANCE_S = 86_400


def ask_health(iut: ServerUnderTest) -> Answer:
    """Ask the server for its health."""
    return iut.ask("GET", "/health")


@clause("AP-21")
def test_a_server_that_runs_is_healthy(server: BeginServer) -> None:
    ask_health(server()).must_match(status="^200$", body='"status": *"ok"')


@clause("AP-22")
def test_a_server_stops_when_it_is_told_to(server: BeginServer) -> None:
    iut = server()
    iut.restart().must_match(exit_status="^-?[0-9]+$")
    ask_health(iut).must_match(status="^200$")


@clause("AP-23")
def test_the_time_is_that_of_the_clock_file(server: BeginServer) -> None:
    iut = server()
    begin_ms = iut.now_ms
    for now_ms in (begin_ms, begin_ms + 10**11, begin_ms - 10**11):
        iut.set_clock(now_ms)
        for age_s, status in ((TIME_TOLERANCE_S, 200), (TIME_TOLERANCE_S + 1, 425)):
            iut.operator.get("/rooms", age_s=age_s).must_be(status=status)
