"""What a conversation is expected to cost under a strategy of memory: a model, walked turn by turn. Pure.

Every turn is alike (`SpeechRates`); every response reads instructions, memory and window; the cache returns the same
share (`hit_rate`) of the longest prefix it could return. A reply counts as cached for the next request (§4.3).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import SettingsError
from .cost import CostSplit, split_cost, text_cost_usd
from .items import Turn
from .models import MODELS, find_model
from .prices import Prices, TextPrices
from .usage import Usage, estimate_text_tokens

USER_TOKENS_PER_SECOND = 10
ASSISTANT_TOKENS_PER_SECOND = 20
_FRAMING_TOKENS = 4
_CONTROL_TOKENS_SPOKEN = 9
_CONTROL_TOKENS_TYPED = 2
_LINE_TOKENS = 8  # "User:", "Assistant:" and line ends of one turn in a transcript
_HEADING_TOKENS = 10
_WRITERS_PROMPT_TOKENS = 150
LEAST_SAVING = 4
"""As in `SummaryPolicy`: a splice takes out at least this part (a quarter) of the trigger."""


@dataclass(frozen=True, slots=True)
class SpeechRates:
    """An average turn.

    Attributes:
        user_s: Seconds the user speaks; 0 for a typed turn.
        assistant_s: Seconds of audio in the reply; 0 for a text reply.
        pause_s: Seconds in which nobody speaks.
        user_words: Text tokens of the user's words: what they take as a transcript.
        reply_words: Text tokens of the reply's words, without control tokens.

    Raises:
        SettingsError: A negative value, or a turn that takes no time.
    """

    user_s: float = 6.0
    assistant_s: float = 12.0
    pause_s: float = 2.0
    user_words: float = 20.0
    reply_words: float = 40.0

    def __post_init__(self) -> None:
        if min(self.user_s, self.assistant_s, self.pause_s, self.user_words, self.reply_words) < 0 or not self.turn_s:
            raise SettingsError(f"A turn cannot be like this: {self!r}.", "Use lengths from 0, and a turn above 0 s.")

    @property
    def turn_s(self) -> float:
        """Length of a turn in seconds, pause included."""
        return self.user_s + self.assistant_s + self.pause_s

    @property
    def turn_tokens(self) -> int:
        """What a turn adds to the window as documented: audio and text of both sides."""
        user, reply = self.user_message, self.reply_message
        return user.text + user.audio + reply.text + reply.audio

    @property
    def user_message(self) -> Tokens:
        """The user's message in the window. The transcript of speech is another model's, and not in it."""
        return Tokens(
            _FRAMING_TOKENS + (0 if self.user_s else round(self.user_words)), int(self.user_s * USER_TOKENS_PER_SECOND)
        )

    @property
    def reply_message(self) -> Tokens:
        """The reply in the window."""
        return Tokens(_FRAMING_TOKENS + self.output.text, self.output.audio)

    @property
    def output(self) -> Tokens:
        """The reply as it is generated: words, control tokens and sound."""
        control = _CONTROL_TOKENS_SPOKEN if self.assistant_s else _CONTROL_TOKENS_TYPED
        return Tokens(round(self.reply_words) + control, int(self.assistant_s * ASSISTANT_TOKENS_PER_SECOND))

    @property
    def transcript_tokens(self) -> int:
        """The turn as lines of transcript."""
        return round(self.user_words + self.reply_words) + _LINE_TOKENS

    @classmethod
    def measured(cls, turns: Iterable[Turn], pause_s: float = 2.0) -> SpeechRates | None:
        """The average of turns that were spoken or typed; `None` when there are none, or empty ones only.

        Args:
            turns: Whole turns.
            pause_s: Pause in a turn: events tell speech, and not what lies between.
        """
        turns = tuple(turns)
        if not turns:
            return None
        user_ms = reply_ms = 0.0
        user_words = reply_words = 0
        for item in (item for turn in turns for item in turn.items):
            if item.role == "user":
                user_ms += item.audio_ms
                user_words += estimate_text_tokens(item.text)
            else:
                reply_ms += item.audio_ms
                reply_words += estimate_text_tokens(item.text)
        if not user_ms + reply_ms + user_words + reply_words + pause_s:
            return None
        count = len(turns)
        return cls(
            user_ms / 1000 / count, reply_ms / 1000 / count, pause_s or 0.001, user_words / count, reply_words / count
        )


class Tokens(NamedTuple):
    """Tokens by modality."""

    text: int
    audio: int


@dataclass(frozen=True, slots=True)
class ServerTruncation:
    """When and how far the server drops the oldest turns by itself (reference §4.6).

    Attributes:
        usable_input_tokens: Most that a request may read in all.
        after_prefix_tokens: Most that it may read after instructions and tools; `None` for no such limit.
        retention_ratio: Share of the limit that is left after an overflow; 1 trims anew on every turn, as `auto` does.
    """

    usable_input_tokens: int = MODELS["gpt-realtime-2.1-mini"].usable_input_tokens
    after_prefix_tokens: int | None = None
    retention_ratio: float = 1.0

    @classmethod
    def of_session(cls, session: Mapping[str, Any]) -> ServerTruncation:
        """Read a session's model and its `truncation`.

        An unknown model counts with the smallest window there is. `disabled` counts as `auto`: where the one trims,
        the other refuses, so a strategy must stay below the same limit.
        """
        model = find_model(str(session.get("model")))
        usable = min(m.usable_input_tokens for m in MODELS.values()) if model is None else model.usable_input_tokens
        truncation = session.get("truncation")
        if not isinstance(truncation, Mapping):
            return cls(usable)
        limits = truncation.get("token_limits") or {}
        return cls(usable, limits.get("post_instructions"), truncation.get("retention_ratio", 1.0))

    def room_after(self, prefix_tokens: int) -> int:
        """Tokens that the conversation may have."""
        room = max(0, self.usable_input_tokens - prefix_tokens)
        return room if self.after_prefix_tokens is None else min(room, self.after_prefix_tokens)

    def kept_after(self, prefix_tokens: int) -> int:
        """Tokens that the conversation may keep when it had more."""
        if self.after_prefix_tokens is None:
            return max(0, int(self.usable_input_tokens * self.retention_ratio) - prefix_tokens)
        return min(self.room_after(prefix_tokens), int(self.after_prefix_tokens * self.retention_ratio))


@dataclass(frozen=True, slots=True)
class Outlook:
    """Everything that is expected of a conversation, whatever the strategy.

    Attributes:
        prices: Of the session's model.
        rates: An average turn.
        hit_rate: Share of the cacheable tokens that come from the cache, 0 to 1: measured as `Ledger.hit_rate`.
        hours: How long it goes on.
        prefix_tokens: Instructions and tools.
        truncation: What the server drops by itself.
        summary_tokens: Length of a summary.
        summariser: Prices of the text model that writes it; `None` when it costs nothing.
        replies_kept_as_audio: `None`: all, as documented. As observed: how many of the newest replies are re-read as
            audio, older ones as text only; `RealtimeModel.replies_kept_as_audio` has the number (reference §4.3).

    Raises:
        SettingsError: A value that cannot be.
    """

    prices: Prices
    rates: SpeechRates = field(default_factory=SpeechRates)
    hit_rate: float = 0.9
    hours: float = 1.0
    prefix_tokens: int = 200
    truncation: ServerTruncation = field(default_factory=ServerTruncation)
    summary_tokens: int = 250
    summariser: TextPrices | None = None
    replies_kept_as_audio: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.hit_rate <= 1:
            raise SettingsError(f"hit_rate is {self.hit_rate}.", "Use a share from 0 to 1, such as Ledger.hit_rate.")
        if not self.hours > 0:
            raise SettingsError(f"hours is {self.hours}.", "Use hours above 0, such as 0.5.")
        if min(self.prefix_tokens, self.summary_tokens, self.replies_kept_as_audio or 0) < 0:
            raise SettingsError("A count of tokens or replies is below 0.", "Use numbers from 0.")

    @property
    def turns(self) -> int:
        """Turns in that time; at least one."""
        return max(1, round(self.hours * 3600 / self.rates.turn_s))


@dataclass(frozen=True, slots=True)
class Strategy:
    """What is done against a growing window.

    Attributes:
        trigger_tokens: Conversation tokens (instructions and tools not counted) at which old turns leave; `None`:
            never, the server truncates when it must.
        keep_turns: Newest turns that stay as they are; at least one.
        keep_tokens: Keep as many of the newest turns as fit in here instead, and at least one.
        verbatim_tokens: Old turns stand word for word as text in the memory item up to this budget; what is older
            still is summarised. 0: everything old is summarised.

    Raises:
        SettingsError: A value that cannot work.
    """

    trigger_tokens: int | None = None
    keep_turns: int = 2
    keep_tokens: int | None = None
    verbatim_tokens: int = 0

    def __post_init__(self) -> None:
        if (self.trigger_tokens is not None and self.trigger_tokens < 1) or self.keep_turns < 1:
            raise SettingsError(f"This strategy cannot work: {self!r}.", "Use a trigger and kept turns of 1 or more.")
        if self.verbatim_tokens < 0 or (self.keep_tokens is not None and self.keep_tokens < 0):
            raise SettingsError(f"This strategy cannot work: {self!r}.", "Use budgets of 0 tokens or more.")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected. Estimates at list prices.

    Attributes:
        strategy: What was asked about.
        turns: How many turns were walked.
        hours: How long they take.
        usage: Tokens of all responses.
        cost: What they cost, by what is paid for.
        summaries: Summaries written.
        summaries_usd: What the writer took for them.
        splices: How often old turns left and the prefix broke.
        turns_apart: Fewest turns between one splice and the next; `None` when there are fewer than two.
        most_window_tokens: The largest window that a response read, without instructions and tools.
        turns_lost: Turns that the server dropped and no summary covers.
    """

    strategy: Strategy
    turns: int
    hours: float
    usage: Usage
    cost: CostSplit
    summaries: int
    summaries_usd: float
    splices: int
    turns_apart: int | None
    most_window_tokens: int
    turns_lost: int

    @property
    def total_usd(self) -> float:
        """Responses and summaries together."""
        return self.cost.total + self.summaries_usd

    @property
    def usd_per_hour(self) -> float:
        """The same for an hour. Where the window grows, a longer conversation costs more per hour."""
        return self.total_usd / self.hours


def forecast_cost(outlook: Outlook, strategy: Strategy | None = None) -> Forecast:
    """Walk a conversation turn by turn. Deterministic.

    A splice happens between two turns, at once; none happens after the last.

    Args:
        outlook: What is expected.
        strategy: What is done about the window; `None`: nothing.
    """
    return Walker(outlook).forecast(strategy or Strategy())


class _Memory(NamedTuple):
    """What the memory item holds."""

    has_summary: bool
    verbatim_turns: int


_NO_MEMORY = _Memory(False, 0)


class _Stretch:
    """Responses from one start on for as long as nothing is spliced, walked as far as anybody asked.

    The n-th entry of each list describes the state after n responses.
    """

    def __init__(self, outlook: Outlook, memory: _Memory, turns: int, *, spliced: bool) -> None:
        self._outlook = outlook
        self._user, self._reply = outlook.rates.user_message, outlook.rates.reply_message
        self._first_common = Tokens(outlook.prefix_tokens if spliced else 0, 0)
        self.read: list[tuple[int, int, int, int]] = [(0, 0, 0, 0)]
        """Input text and audio, cached text and audio, summed up."""
        self.window = [0]
        """What the latest response read of the conversation."""
        self.peak = [0]
        self.state = [(memory, turns)]
        self.dropped = [0]
        """Turns that the server dropped, summed up."""

    def walk_to(self, responses: int) -> None:
        """Make sure that there are so many."""
        while len(self.window) <= responses:
            self._respond()

    def _respond(self) -> None:
        outlook, user = self._outlook, self._user
        memory, turns = self.state[-1]
        memory, kept = self._truncate(memory, turns)
        body = self._body(memory, kept)
        was_cut = (memory, kept) != self.state[-1]
        if len(self.window) == 1:
            common = self._first_common
        elif was_cut:
            common = Tokens(outlook.prefix_tokens, 0)
        else:
            common = self._unbroken(memory, kept)
        text, audio, cached_text, cached_audio = self.read[-1]
        self.read.append((
            text + outlook.prefix_tokens + body.text + user.text,
            audio + body.audio + user.audio,
            cached_text + int(outlook.hit_rate * common.text),
            cached_audio + int(outlook.hit_rate * common.audio),
        ))  # fmt: skip
        self.window.append(sum(body) + sum(user))
        self.peak.append(max(self.peak[-1], self.window[-1]))
        self.dropped.append(self.dropped[-1] + turns - kept)
        self.state.append((memory, kept + 1))

    def _truncate(self, memory: _Memory, turns: int) -> tuple[_Memory, int]:
        """The server drops the oldest first, and the memory item is the oldest; the newest message always stays."""
        prefix, limit = self._outlook.prefix_tokens, self._outlook.truncation
        if self._size(memory, turns) <= limit.room_after(prefix):
            return memory, turns
        kept = limit.kept_after(prefix)
        memory = _NO_MEMORY
        while turns and self._size(memory, turns) > kept:
            turns -= 1
        return memory, turns

    def _size(self, memory: _Memory, turns: int) -> int:
        return sum(self._body(memory, turns)) + sum(self._user)

    def _body(self, memory: _Memory, turns: int) -> Tokens:
        """Memory and whole turns, as a request reads them."""
        newest = self._outlook.replies_kept_as_audio
        heard = turns if newest is None else min(newest, turns)
        return Tokens(
            memory_tokens(self._outlook, memory) + turns * (self._user.text + self._reply.text),
            turns * self._user.audio + heard * self._reply.audio,
        )

    def _unbroken(self, memory: _Memory, turns: int) -> Tokens:
        """The prefix that this request shares with the previous one and its reply."""
        newest = self._outlook.replies_kept_as_audio
        body = self._body(memory, turns)
        if newest and turns > newest:  # one more reply is read as text now, and breaks what follows its text
            same = self._body(memory, turns - newest)
            body = Tokens(same.text, (turns - newest) * self._user.audio)
        return Tokens(self._outlook.prefix_tokens + body.text, body.audio)


def memory_tokens(outlook: Outlook, memory: _Memory) -> int:
    """Size of the memory item."""
    if memory == _NO_MEMORY:
        return 0
    summary = outlook.summary_tokens if memory.has_summary else 0
    return _HEADING_TOKENS + summary + memory.verbatim_turns * outlook.rates.transcript_tokens


class Walker:
    """Forecasts for one outlook; stretches between splices are alike, so each is walked once for all strategies."""

    def __init__(self, outlook: Outlook) -> None:
        self.outlook = outlook
        self._stretches: dict[tuple[_Memory, int, bool], _Stretch] = {}
        self._turn_tokens = outlook.rates.turn_tokens
        self._transcript_tokens = max(1, outlook.rates.transcript_tokens)

    def stretch(self, memory: _Memory = _NO_MEMORY, turns: int = 0, *, spliced: bool = False) -> _Stretch:
        """Responses from a start on."""
        key = (memory, turns, spliced)
        if key not in self._stretches:
            self._stretches[key] = _Stretch(self.outlook, memory, turns, spliced=spliced)
        return self._stretches[key]

    def forecast(self, strategy: Strategy) -> Forecast:
        """See `forecast_cost`."""
        outlook = self.outlook
        stretch = self.stretch()
        left, sums = outlook.turns, (0, 0, 0, 0)
        apart: list[int] = []
        wrote_from = summaries = splices = most = lost = covered = 0
        while True:
            count = self.until_due(stretch, strategy, left)
            new = stretch.read[count]
            sums = (sums[0] + new[0], sums[1] + new[1], sums[2] + new[2], sums[3] + new[3])
            most = max(most, stretch.peak[count])
            lost += stretch.dropped[count]
            memory, turns = stretch.state[count]
            if memory != stretch.state[0][0]:
                lost, covered = lost + covered, 0
            left -= count
            if not left:
                break
            if splices:
                apart.append(count)
            keep = self.kept_turns(strategy)
            new_memory, material = self.splice(memory, turns - keep, strategy)
            covered += turns - keep
            splices += 1
            summaries += material > 0
            wrote_from += material
            stretch = self.stretch(new_memory, keep, spliced=True)
        output = outlook.rates.output
        usage = Usage(
            input_text=sums[0], input_audio=sums[1], cached_text=sums[2], cached_audio=sums[3],
            output_text=outlook.turns * output.text, output_audio=outlook.turns * output.audio,
        )  # fmt: skip
        return Forecast(
            strategy=strategy,
            turns=outlook.turns,
            hours=outlook.turns * outlook.rates.turn_s / 3600,
            usage=usage,
            cost=split_cost(usage, outlook.prices),
            summaries=summaries,
            summaries_usd=self.writing_usd(wrote_from, summaries),
            splices=splices,
            turns_apart=min(apart, default=None),
            most_window_tokens=most,
            turns_lost=lost,
        )

    def kept_turns(self, strategy: Strategy) -> int:
        """Turns that a splice leaves as they are."""
        if strategy.keep_tokens is None:
            return strategy.keep_turns
        return max(1, strategy.keep_tokens // self._turn_tokens)

    def writing_usd(self, tokens: int, summaries: int = 1) -> float:
        """What the writer takes for summaries.

        Args:
            tokens: What it reads for all of them.
            summaries: How many it writes.
        """
        if self.outlook.summariser is None:
            return 0.0
        usage = Usage(input_text=tokens, output_text=summaries * self.outlook.summary_tokens)
        return text_cost_usd(usage, self.outlook.summariser)

    def splice(self, memory: _Memory, covered: int, strategy: Strategy) -> tuple[_Memory, int]:
        """The memory after old turns have gone into it, and the tokens its writer reads; 0: nothing to write."""
        outlook, line = self.outlook, self._transcript_tokens
        verbatim = memory.verbatim_turns + covered
        overflow = max(0, verbatim - strategy.verbatim_tokens // line)
        if not overflow:
            return _Memory(memory.has_summary, verbatim), 0
        earlier = outlook.summary_tokens if memory.has_summary else 0
        reads = _WRITERS_PROMPT_TOKENS + earlier + overflow * line
        return _Memory(True, verbatim - overflow), reads

    def until_due(self, stretch: _Stretch, strategy: Strategy, left: int) -> int:
        """Responses until the next splice; all that are left when there is none."""
        trigger = strategy.trigger_tokens
        stretch.walk_to(left)
        if trigger is None:
            return left
        first = bisect_left(stretch.peak, trigger, 1, left + 1)
        for count in range(first, left):
            if stretch.window[count] >= trigger and self._is_worth_it(stretch.state[count], strategy, trigger):
                return count
        return left

    def _is_worth_it(self, state: tuple[_Memory, int], strategy: Strategy, trigger: int) -> bool:
        """As the policy and the compactor judge: enough goes, and more than comes."""
        memory, turns = state
        old = turns - self.kept_turns(strategy)
        if old < 1 or old * self._turn_tokens < trigger // LEAST_SAVING:
            return False
        after, _ = self.splice(memory, old, strategy)
        return memory_tokens(self.outlook, after) < memory_tokens(self.outlook, memory) + old * self._turn_tokens
