"""Colors: legible by WCAG 2.2 in both schemes."""

import pytest

from agent.page.theme import DARK, LIGHT, placeholders, to_variables

TEXT = ("ink", "muted", "run", "better", "worse", "changed", "doubt")
GRAPHICS = ("run", "baseline", "better", "worse", "changed", "muted")


def luminance(color: str) -> float:
    """Relative luminance by WCAG 2.2."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_has_the_contrast_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "card"])
def test_text_and_marks_stand_out_from_their_ground(colors: dict[str, str], ground: str) -> None:
    for role in TEXT:
        assert contrast(colors[role], colors[ground]) >= 4.5, role
    for role in GRAPHICS:
        assert contrast(colors[role], colors[ground]) >= 3, role


def test_both_schemes_have_the_same_roles_each_with_a_placeholder() -> None:
    assert LIGHT.keys() == DARK.keys() == placeholders().keys()
    assert to_variables(" ".join(placeholders().values())) == " ".join(f"var(--{role})" for role in LIGHT)
