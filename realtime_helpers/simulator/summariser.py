"""The built-in writer of summaries behind `/v1/chat/completions` and `/v1/responses`.

It is extractive: a frame in the asked language around the speakers' own words, which it cuts but never
rewords or translates. A real model would do better; nothing here pretends to be one.
"""

from __future__ import annotations

import re

from .facts import find_facts
from .language import detect_language

_FRAMES = {
    "English": ("Summary of the conversation so far.", "The user said: {}", "The assistant said: {}", "“", "”"),
    "French": (
        "Résumé de la conversation jusqu'ici.", "L'utilisateur a dit : {}", "L'assistant a dit : {}", "« ", " »"
    ),
    "German": (
        "Zusammenfassung des Gesprächs bisher.", "Der Nutzer hat gesagt: {}", "Der Assistent hat gesagt: {}", "“", "”"
    ),
    "Spanish": (
        "Resumen de la conversación hasta ahora.", "El usuario dijo: {}", "El asistente dijo: {}", "«", "»"
    ),
    "Italian": (
        "Riassunto della conversazione fino a qui.", "L'utente ha detto: {}", "L'assistente ha detto: {}", "«", "»"
    ),
    "Portuguese": ("Resumo da conversa até agora.", "O usuário disse: {}", "O assistente disse: {}", "«", "»"),
    "Dutch": (
        "Samenvatting van het gesprek tot nu toe.", "De gebruiker zei: {}", "De assistent zei: {}", "“", "”"
    ),
}  # fmt: skip
_OWN_NAMES = {
    "french": "French", "français": "French", "german": "German", "deutsch": "German", "spanish": "Spanish",
    "español": "Spanish", "italian": "Italian", "italiano": "Italian", "portuguese": "Portuguese",
    "português": "Portuguese", "dutch": "Dutch", "nederlands": "Dutch", "english": "English",
}  # fmt: skip
_SPEAKER = re.compile(r"^\s*(user|assistant|system|tool)\s*:\s*(.*)$", re.IGNORECASE)
_QUOTE = re.compile(r"«\s*([^«»]+?)\s*»|“([^“”]+)”")
_LIMIT = re.compile(r"(?:at most|under|fewer than|within)\s+(\d+)\s+words", re.IGNORECASE)
_DEFAULT_WORDS = 150
_WORDS_PER_QUOTE = 24


def wants_summary(instructions: str, material: str) -> bool:
    """Whether a request asks to summarise a transcript, rather than for an answer.

    Instructions of a conversation may speak of summaries too, but nobody says lines like `User: …` in one.
    """
    asks = re.search(r"summar|résum|zusammenfass|resum|riassun|samenvat", instructions.lower())
    return asks is not None and any(_SPEAKER.match(line) for line in material.splitlines())


def summarise(instructions: str, material: str) -> str:
    """Summarise a transcript of `User: …` and `Assistant: …` lines in the language the instructions name.

    Quotations of an earlier summary in `material` are kept. What the user said about themselves comes first
    and is dropped last; the assistant's words are dropped first.
    """
    language = _asked_language(instructions) or detect_language(material) or "English"
    limit = int(match[1]) if (match := _LIMIT.search(instructions)) else _DEFAULT_WORDS
    facts, requests, answers = _collect(material)
    head, user_said, assistant_said, open_mark, close_mark = _FRAMES[language]

    budget = limit - len(head.split()) - len(user_said.split()) - len(assistant_said.split())
    kept_user = _fit(facts, budget)
    budget -= _length(kept_user)
    kept_requests = _fit(list(reversed(requests)), budget)  # the newest requests matter most
    budget -= _length(kept_requests)
    kept_answers = _fit(list(reversed(answers)), budget)

    parts = [head]
    if user_quotes := kept_user + kept_requests[::-1]:
        parts.append(user_said.format(_quoted(user_quotes, open_mark, close_mark)))
    if kept_answers:
        parts.append(assistant_said.format(_quoted(kept_answers[::-1], open_mark, close_mark)))
    return " ".join(parts)


def _asked_language(instructions: str) -> str | None:
    for word in re.findall(r"[^\W\d_]+", instructions.lower()):
        if word in _OWN_NAMES:
            return _OWN_NAMES[word]
    return None


def _collect(material: str) -> tuple[list[str], list[str], list[str]]:
    """Facts, requests and answers, each as short quotations without repetition, oldest first."""
    facts: list[str] = []
    requests: list[str] = []
    answers: list[str] = []
    for line in material.splitlines():
        spoken = _SPEAKER.match(line)
        if spoken is None or spoken[1].lower() == "system":
            answers_from = min(
                (at for frame in _FRAMES.values() if (at := line.find(_opening(frame[2]))) >= 0),
                default=len(line),
            )
            for quote in _QUOTE.finditer(line):
                text = quote[1] or quote[2]
                if quote.start() > answers_from:
                    _add(answers, text)
                else:
                    _add(facts if find_facts(text) else requests, text)
        elif spoken[1].lower() == "user":
            _add(facts if find_facts(spoken[2]) else requests, spoken[2])
        elif spoken[1].lower() == "assistant":
            _add(answers, re.split(r"(?<=[.!?])\s", spoken[2].strip())[0])
    return facts, requests, answers


def _opening(sentence: str) -> str:
    return sentence.removesuffix("{}").strip()


def _add(quotes: list[str], text: str) -> None:
    words = re.sub(r"[«»“”]", "", text).strip().rstrip(".").split()
    short = " ".join(words[:_WORDS_PER_QUOTE]) + (" …" if len(words) > _WORDS_PER_QUOTE else "")
    if short and short not in quotes:
        quotes.append(short)


def _fit(quotes: list[str], budget: int) -> list[str]:
    kept: list[str] = []
    for quote in quotes:
        if _length([*kept, quote]) > budget:
            break
        kept.append(quote)
    return kept


def _length(quotes: list[str]) -> int:
    return sum(len(quote.split()) for quote in quotes)


def _quoted(quotes: list[str], open_mark: str, close_mark: str) -> str:
    return " ".join(f"{open_mark}{quote}{close_mark}." for quote in quotes)
