"""Whether a text can stand for the turns it would replace. Pure rules, each with a reason people can read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .address import opens_as_answer, speaks_to_the_user
from .failures import SummaryRefusedError
from .styles import SummaryStyle
from .summariser import SummaryRequest, transcript_line

SIZE_TOLERANCE = 1.5
"""A summary may have this many times the words asked for: models count badly."""

_SHORT_WORDS = 5
_LONG_TALK_WORDS = 40
_LEAST_ANCHORS = 4
_LEAST_TOPICS = 12
_REPEATED_WORDS = 8
_LEAST_COVERAGE = 0.5
_STEM = 5

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_QUOTED = re.compile(r"«[^«»]*»|“[^“”]*”|„[^„“]*“|\"[^\"]*\"")
_NAMED = re.compile(r"(?<=[a-zà-ÿ,;] )[A-ZÀ-Þ][\w-]{2,}|\b\w*\d[\w:.,-]*\w\b|\b\d\b")
"""A capital inside a sentence, or anything with a digit: what survives translation."""
_SMALL = frozenset(
    "that this with from have what when where which would could should about your please tell there their they "
    "then than them some more also just very like know want here will been were does said says okay yeah hello "
    "thank thanks user assistant tool called answered call great sure well good nice".split()
)


def check_summary(text: str, request: SummaryRequest, style: SummaryStyle) -> None:
    """Refuse a text that cannot be a summary of the request.

    Refused are: nothing; more than `SIZE_TOLERANCE` times the words asked for; invalid JSON where JSON was asked
    for; a handful of words for a long talk; the transcript or the prompt given back; and an *answer* to the user:
    it opens as replies and refusals do, or speaks to the user about a part of the talk, or has neither a name nor
    a number nor a topic of it.

    What it cannot see: whether what the summary says is true; a fact that is missing (only a reader can); an
    earlier summary given back without the new turns; an answer written about the user, in the third person, with
    the talk's own words; openings in languages other than English, French, German, Spanish, Italian, Portuguese
    and Dutch; anything about topics when a summary is in another script than the talk.

    Args:
        text: As `SummaryStyle.tidy` gives it.
        request: What was to be summarised.
        style: What was asked for.

    Raises:
        SummaryRefusedError: It cannot stand for the turns; the reason is in the sentence.
    """
    if not text.strip():
        raise SummaryRefusedError("The summariser answered with nothing.")
    said = _content(text, style)
    _check_size(said, request, style)
    _check_echo(said, request, style)
    _check_answer(said, request, style)


def count_words(text: str) -> int:
    """Words of a text; of Chinese and Japanese, which put no spaces, two characters count as one."""
    ideographs = len(_IDEOGRAPH.findall(text))
    return len(_WORD.findall(_IDEOGRAPH.sub(" ", text))) + ideographs // 2


def _content(text: str, style: SummaryStyle) -> str:
    """The words of a summary, without the syntax of its form."""
    if style.form != "json":
        return text.strip()
    from .record import read_content  # only here: pydantic is slow to load

    content = read_content(text)
    if content is None:
        raise SummaryRefusedError("The summary is no valid JSON of the form that was asked for.")
    if not content.text:
        raise SummaryRefusedError("The summariser answered with an empty record.")
    return content.text


def _check_size(said: str, request: SummaryRequest, style: SummaryStyle) -> None:
    words = count_words(said)
    if words > style.max_words * SIZE_TOLERANCE:
        raise SummaryRefusedError(f"The summary has {words} words where {style.max_words} were asked for.")
    talk = count_words(request.material)
    if words < _SHORT_WORDS and talk >= _LONG_TALK_WORDS:
        raise SummaryRefusedError(f"{words} words ({said!r}) cannot stand for a talk of {talk}.")


def _check_echo(said: str, request: SummaryRequest, style: SummaryStyle) -> None:
    transcript = {line for turn in request.turns for item in turn.items if (line := transcript_line(item))}
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    copied = [line for line in lines if line in transcript]
    if copied and len(copied) * 2 >= len(lines):
        raise SummaryRefusedError("The summary is the transcript, given back.")
    words, prompt = _words(said), " ".join(_words(style.instructions))
    runs = (" ".join(words[at : at + _REPEATED_WORDS]) for at in range(len(words) - _REPEATED_WORDS + 1))
    if any(run in prompt for run in runs):
        raise SummaryRefusedError("The summary repeats its instructions.")


def _check_answer(said: str, request: SummaryRequest, style: SummaryStyle) -> None:
    own_words = _QUOTED.sub(" ", said).strip()
    if opens_as_answer(own_words):
        raise SummaryRefusedError(f"It begins like an answer to the user, not like a summary: {_start(said)}")
    told = [turn.user_text for turn in request.turns]
    earlier = [*told[:-1], request.previous or ""] if len(told) > 1 or request.previous else told
    if speaks_to_the_user(own_words):
        if own_words.endswith("?"):
            raise SummaryRefusedError(f"It asks the user something instead of summarising: {_start(said)}")
        if _coverage(said, earlier) < _LEAST_COVERAGE:
            raise SummaryRefusedError(f"It speaks to the user, about a part of the talk only: {_start(said)}")
    _check_topics(said, request, style)


def _check_topics(said: str, request: SummaryRequest, style: SummaryStyle) -> None:
    """Something of the talk must be in its summary: topics in the same language, names and numbers in any."""
    if not _LATIN.search(said) or not _LATIN.search(request.material):
        return
    known = _stems([said])
    anchors = {anchor.casefold() for line in request.material.splitlines() for anchor in _NAMED.findall(line)}
    topics = _stems([request.previous or "", *(turn.user_text for turn in request.turns)])
    if known & topics or any(anchor in said.casefold() for anchor in anchors):
        return
    if len(anchors) >= _LEAST_ANCHORS or (style.language is None and len(topics) >= _LEAST_TOPICS):
        raise SummaryRefusedError(f"It has no name, number or topic of the talk: {_start(said)}")


def _coverage(said: str, told: Iterable[str]) -> float:
    """The share of texts of which at least one topic is mentioned."""
    known = _stems([said])
    topics = [stems for text in told if (stems := _stems([text]))]
    return sum(bool(stems & known) for stems in topics) / len(topics) if topics else 1.0


def _stems(texts: Iterable[str]) -> set[str]:
    """Content words, cut short so that forms of a word, and many a cognate, look alike."""
    return {
        word[:_STEM]
        for text in texts
        for word in _words(text)
        if word not in _SMALL and (len(word) >= 4 or word.isdigit())
    }


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _start(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60].rstrip()}…")
