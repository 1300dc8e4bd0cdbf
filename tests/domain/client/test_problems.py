"""Whatever answers, the caller gets one clear line and a stable code."""

import httpx
import pytest

from libs.client.failures import ApiProblem


def answer(status: int, content: bytes, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=content, headers=headers)


def test_a_problem_is_read_with_its_code_detail_and_fields() -> None:
    body = (
        b'{"type": "urn:strongroom:problem:bucket-exists", "title": "The name is taken",'
        b' "status": 409, "detail": "there is a bucket named reports", "bucket": "reports"}'
    )

    problem = ApiProblem.of(answer(409, body))

    assert (problem.code, problem.status) == ("bucket-exists", 409)
    assert problem.fields == {"bucket": "reports"}
    assert str(problem) == "The name is taken: there is a bucket named reports [bucket-exists]"


def test_a_problem_without_detail_says_its_title() -> None:
    body = b'{"type": "urn:strongroom:problem:busy", "title": "The gateway is busy"}'

    problem = ApiProblem.of(answer(503, body, **{"Retry-After": "1"}))

    assert str(problem) == "The gateway is busy [busy]"
    assert problem.retry_after_s == 1.0


def test_a_bug_of_the_platform_names_the_request_to_ask_about() -> None:
    body = b'{"type": "urn:strongroom:problem:internal-error", "title": "A bug"}'

    problem = ApiProblem.of(answer(500, body, **{"X-Request-Id": "4bf92f35"}))

    assert str(problem) == "A bug [internal-error] (request 4bf92f35)"


@pytest.mark.parametrize("content", [b"", b"<html>Bad Gateway</html>", b"[1, 2]", b"\xff"])
def test_an_answer_of_something_else_is_still_a_problem(content: bytes) -> None:
    problem = ApiProblem.of(answer(502, content))

    assert problem.code == "http-502"
    assert "Bad Gateway" in str(problem)
