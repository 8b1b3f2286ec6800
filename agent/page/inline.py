"""matplotlib's SVG made fit to stand in a page among many others: small, named, and in the page's font and colors."""

import re
from xml.etree import ElementTree as ET

from agent.page.text import clean
from agent.page.theme import to_variables

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_COORDINATES = {"d", "x", "y", "width", "height", "transform"}
_DECIMALS = re.compile(r"-?\d+\.\d{3,}")
_FONT_SIZE = re.compile(r"(\d+(?:\.\d+)?)px")


def for_page(drawn: str, identity: str, title: str, description: str) -> str:
    """Return an `svg` element of HTML for what matplotlib drew with placeholders; its ids begin with `identity`."""
    root = ET.fromstring(drawn)  # noqa: S314  matplotlib wrote it a moment ago, nothing comes from outside
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    for parent in list(root.iter()):
        for child in [*parent.findall(f"{_SVG}metadata"), *parent.findall(f"{_SVG}style")]:
            parent.remove(child)
    _keep_used_ids(root, identity)
    for element in root.iter():
        # HTML knows what an svg is, and so there is no address in the page at all.
        element.tag = str(element.tag).removeprefix(_SVG)
        _round_coordinates(element)
        if element.tag == "text":
            _leave_font_to_the_page(element)
    _name(root, identity, title, description)
    return to_variables(ET.tostring(root, encoding="unicode", short_empty_elements=False).replace("\n", " "))


def _keep_used_ids(root: ET.Element, identity: str) -> None:
    """Drop the ids nobody refers to, and make the others unique within a page of many plots."""
    used = {
        name
        for element in root.iter()
        for value in element.attrib.values()
        for name in [*_REFERENCE.findall(value), *([value[1:]] if value.startswith("#") else [])]
    }
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{identity}-{name}")
        for key, value in element.attrib.items():
            element.set(key, _REFERENCE.sub(rf"url(#{identity}-\1)", value))
        if target := element.attrib.pop(_HREF, None):
            element.set("href", f"#{identity}-{target[1:]}")


def _name(root: ET.Element, identity: str, title: str, description: str) -> None:
    """Give a drawing the name and the description that a screen reader tells."""
    root.set("role", "img")
    root.set("aria-labelledby", f"{identity}-title {identity}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{identity}-{tag}"})
        element.text = clean(text)
        root.insert(place, element)


def _leave_font_to_the_page(element: ET.Element) -> None:
    """Keep size and color of a text; the page's own font replaces the family."""
    style = element.attrib.get("style", "")
    kept = [part.strip() for part in style.split(";") if not part.strip().startswith("font")]
    size = _FONT_SIZE.search(style)
    element.set("style", "; ".join([*kept, *([f"font-size: {size[1]}px"] if size else [])]))


def _round_coordinates(element: ET.Element) -> None:
    """Shorten coordinates to a hundredth of a pixel."""
    for name in _COORDINATES & element.attrib.keys():
        element.set(name, _DECIMALS.sub(lambda number: f"{float(number[0]):.2f}", element.attrib[name]))
