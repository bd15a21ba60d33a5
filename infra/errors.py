"""The one exception of this room."""


class StackError(Exception):
    """Something outside the program is not in order; the text is one sentence and the remedy."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.sentence = sentence
        self.remedy = remedy
