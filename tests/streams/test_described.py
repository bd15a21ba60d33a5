"""What a worker says when it ends."""

from aiokafka.errors import ProducerFenced

from streams.described import described


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """The error as it is when caught."""
    try:
        raise error from cause
    except BaseException as caught:  # noqa: BLE001 (whatever it is)
        return caught


def test_the_last_line_tells_kind_and_place_but_no_values() -> None:
    """An error of a library may carry a row; its kind, its causes' kinds and the place are enough to find it."""
    said = described(raised(ValueError("conversion failed for 13800001111"), KeyError("张三")))
    assert said.startswith("ValueError from KeyError")
    assert "13800001111" not in said
    assert "张三" not in said
    assert "test_described.py" in described(raised(ValueError("x")))


def test_kafkas_own_words_are_kept() -> None:
    """Kafka and the operating system name no values of a record."""
    assert "A newer producer" in described(raised(ProducerFenced("A newer producer")))
