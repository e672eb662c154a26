"""What a summary in JSON holds. Imported only where one is wanted: pydantic is slow to load."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class _Strict(BaseModel):
    # strict JSON schemas need every key and no other
    model_config = ConfigDict(extra="forbid")


class ToolState(_Strict):
    """A result of a tool that a later turn may need."""

    name: str
    id: str
    note: str


class SummaryContent(_Strict):
    """A summary in parts."""

    synopsis: str
    facts: list[str]
    decisions: list[str]
    open_questions: list[str]
    tool_state: list[ToolState]

    @property
    def text(self) -> str:
        """All its words, for a reader that wants no JSON."""
        notes = [f"{tool.name} {tool.id} {tool.note}" for tool in self.tool_state]
        parts = [self.synopsis, *self.facts, *self.decisions, *self.open_questions, *notes]
        return "\n".join(part for part in parts if part.strip())


def read_content(text: str) -> SummaryContent | None:
    """Read a summary in JSON; `None` when it is not one."""
    try:
        return SummaryContent.model_validate_json(text)
    except ValidationError:
        return None
