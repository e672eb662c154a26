"""`make bench`: what a summary in flight delays, with and without one in the same run."""

from __future__ import annotations

from realtime_helpers.demo.child import running_simulator
from realtime_helpers.experiments.in_flight import measure

SUMMARY_S = 5.0


def main() -> None:
    with running_simulator() as url:
        measure(url, summary_takes_s=None)  # the engines are loaded
        without, during = (measure(url, summary_takes_s=takes_s) for takes_s in (None, SUMMARY_S))
    assert during.was_writing
    for share in (0.5, 0.99):
        print(
            f"gap between uploads p{share * 100:.0f}: {during.gap(share):.1f} ms while a summary is written, "
            f"{without.gap(share):.1f} ms without: {during.gap(share) / without.gap(share):.2f} times"
        )
    print(f"an interruption is silent after {during.silenced:.2f} ms, without {without.silenced:.2f} ms")
    first, usual = (sum(found.first_audio) / len(found.first_audio) for found in (during, without))
    print(f"first audio after {first:.0f} ms, without {usual:.0f} ms: {first / usual:.2f} times")


if __name__ == "__main__":
    main()
