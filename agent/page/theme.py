"""Colors by their role, light and dark: the same in plots and text, checked for contrast by a test."""

from collections.abc import Mapping

# Better and worse are Okabe & Ito's bluish green and vermilion (https://jfly.uni-koeln.de/color/), which are told apart
# with any color vision, made darker or lighter to be legible as text. No role is told by its color alone.
LIGHT: Mapping[str, str] = {
    "paper": "#f6f7f8",
    "card": "#ffffff",
    "ink": "#1a1f25",
    "muted": "#55606c",
    "rule": "#d8dde3",
    "run": "#0063a6",
    "baseline": "#6a7480",
    "better": "#00694f",
    "worse": "#ad3800",
    "changed": "#84367a",
    "doubt": "#7d5200",
}
DARK: Mapping[str, str] = {
    "paper": "#121518",
    "card": "#1b2025",
    "ink": "#e9ecef",
    "muted": "#a6b0ba",
    "rule": "#363d45",
    "run": "#63b3f0",
    "baseline": "#99a3ae",
    "better": "#3fc79f",
    "worse": "#f58d61",
    "changed": "#d79fd1",
    "doubt": "#e2b144",
}
# Stand for the roles while a plot is drawn; nothing else has these colors, so that they can be replaced afterwards.
_PLACEHOLDERS: Mapping[str, str] = {role: f"#fe01{number:02x}" for number, role in enumerate(LIGHT)}


def placeholders() -> Mapping[str, str]:
    """Return a color for each role, to be drawn with and then replaced by `to_variables`."""
    return _PLACEHOLDERS


def to_variables(svg: str) -> str:
    """Replace placeholders by CSS variables, so that one drawing serves light and dark."""
    for role, placeholder in _PLACEHOLDERS.items():
        svg = svg.replace(placeholder, f"var(--{role})")
    return svg


def declarations(colors: Mapping[str, str]) -> str:
    """Return the CSS declarations of these colors."""
    return "".join(f"--{role}:{color};" for role, color in colors.items())
