"""The same conversation as a forecast walks, done the slow way: every request is a list of pieces, and the cache is the
longest prefix that two lists share."""

from __future__ import annotations

from typing import NamedTuple

from realtime_helpers.conversation import Outlook, Strategy, Usage


class Piece(NamedTuple):
    """A stretch of a request that is cached as a whole."""

    name: str
    kind: str
    tokens: int


def count(pieces: list[Piece], kind: str) -> int:
    return sum(piece.tokens for piece in pieces if piece.kind == kind)


def size(pieces: list[Piece]) -> int:
    return sum(piece.tokens for piece in pieces)


class Replay:
    """Turns and a memory item, as pieces.

    Args:
        outlook: What is expected.
        strategy: What is done.
    """

    def __init__(self, outlook: Outlook, strategy: Strategy) -> None:
        self.outlook, self.strategy = outlook, strategy
        self.usage = Usage()
        self.splices = self.summaries = self.material = 0
        self.lost = 0
        self.most = 0
        self.turns: list[int] = []
        self.verbatim: list[int] = []
        self.summarised: list[int] = []
        self.generation = 0
        self.previous: list[Piece] = []
        for number in range(outlook.turns):
            self.respond(number)
            if number < outlook.turns - 1:
                self.consider()

    @property
    def memory(self) -> int:
        if not self.verbatim and not self.summarised:
            return 0
        line = self.outlook.rates.transcript_tokens
        return 10 + (self.outlook.summary_tokens if self.summarised else 0) + line * len(self.verbatim)

    def request(self, user: int) -> list[Piece]:
        newest = self.outlook.replies_kept_as_audio
        heard = set(self.turns if newest is None else self.turns[max(0, len(self.turns) - newest) :])
        pieces = [Piece("prefix", "text", self.outlook.prefix_tokens)]
        if self.memory:
            pieces.append(Piece(f"memory {self.generation}", "text", self.memory))
        for turn in self.turns:
            pieces += self.said(turn) + self.reply(turn, heard=turn in heard)
        return [*pieces, *self.said(user), Piece("end", "nothing", 0)]

    def said(self, turn: int) -> list[Piece]:
        text, audio = self.outlook.rates.user_message
        return [Piece(f"user {turn}", "text", text), Piece(f"user {turn}", "audio", audio)]

    def reply(self, turn: int, *, heard: bool = True) -> list[Piece]:
        text, audio = self.outlook.rates.reply_message
        pieces = [Piece(f"reply {turn}", "text", text), Piece(f"reply {turn}", "audio", audio)]
        return pieces if heard else pieces[:1]

    def respond(self, number: int) -> None:
        outlook = self.outlook
        prefix, truncation = outlook.prefix_tokens, outlook.truncation
        request = self.request(number)
        if size(request) - prefix > truncation.room_after(prefix):
            self.lost += len(self.verbatim) + len(self.summarised)
            self.verbatim, self.summarised = [], []
            while self.turns and size(self.request(number)) - prefix > truncation.kept_after(prefix):
                self.turns.pop(0)
                self.lost += 1
            request = self.request(number)
        common = []
        for now, before in zip(request, self.previous, strict=False):
            if now != before:
                break
            common.append(now)
        output = outlook.rates.output
        self.usage += Usage(
            input_text=count(request, "text"),
            input_audio=count(request, "audio"),
            cached_text=int(outlook.hit_rate * count(common, "text")),
            cached_audio=int(outlook.hit_rate * count(common, "audio")),
            output_text=output.text,
            output_audio=output.audio,
        )
        self.window = size(request) - prefix
        self.most = max(self.most, self.window)
        self.previous = request[:-1] + self.reply(number)
        self.turns.append(number)

    def consider(self) -> None:
        strategy, rates = self.strategy, self.outlook.rates
        if strategy.trigger_tokens is None or self.window < strategy.trigger_tokens:
            return
        keep = strategy.keep_turns
        if strategy.keep_tokens is not None:
            keep = max(1, strategy.keep_tokens // rates.turn_tokens)
        old = self.turns[: max(0, len(self.turns) - keep)]
        going = len(old) * rates.turn_tokens
        if not old or going < strategy.trigger_tokens // 4:
            return
        before, was = self.memory, (list(self.verbatim), list(self.summarised))
        earlier = self.outlook.summary_tokens if self.summarised else 0
        self.verbatim += old
        fits = strategy.verbatim_tokens // rates.transcript_tokens
        overflow = self.verbatim[: max(0, len(self.verbatim) - fits)]
        self.verbatim = self.verbatim[len(overflow) :]
        self.summarised = self.summarised + overflow
        if self.memory >= before + going:
            self.verbatim, self.summarised = was
            return
        if overflow:
            self.summaries += 1
            self.material += 150 + earlier + len(overflow) * rates.transcript_tokens
        self.turns = self.turns[len(old) :]
        self.splices += 1
        self.generation += 1
