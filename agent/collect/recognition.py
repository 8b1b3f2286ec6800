"""Looks up what a cluster shows in the catalogue: each look-up is one step, however long the catalogue is. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from agent.collect.catalogue import Sign


class Recognition:
    """The signs of one part of the catalogue, by what they are."""

    def __init__(self, signs: Sequence[Sign]) -> None:
        self._images: dict[str, list[tuple[str, str]]] = {}
        for sign in signs:
            for image in sign.images:
                # Images are looked up by their last part, and then compared as far as the sign reaches.
                self._images.setdefault(image.rpartition("/")[2], []).append((image, sign.word))
        self._apps = _by(signs, "apps")
        self._groups = _by(signs, "groups")
        self._components = _by(signs, "components")

    def of_image(self, image: str) -> str | None:
        """Return the word for an image with registry, tag and digest, None where it is in no line."""
        repository = repository_of(image)
        for known, word in self._images.get(repository.rpartition("/")[2], ()):
            if repository == known or repository.endswith("/" + known):
                return word
        return None

    def of_app(self, name: str) -> str | None:
        """Return the word for the name of an application."""
        return self._apps.get(name)

    def of_component(self, name: str) -> str | None:
        """Return the word for the name of a component of Prism."""
        return self._components.get(name)

    def of_groups(self, groups: Iterable[str]) -> set[str]:
        """Return the words for groups of the API."""
        return {self._groups[group] for group in groups if group in self._groups}


def repository_of(image: str) -> str:
    """Return an image's name without tag and digest: `host:5000/a/b:1.2@sha256:…` is `host:5000/a/b`."""
    name = image.partition("@")[0]
    path, slash, last = name.rpartition("/")
    return path + slash + last.partition(":")[0]


def _by(signs: Sequence[Sign], what: str) -> Mapping[str, str]:
    return {value: sign.word for sign in signs for value in getattr(sign, what)}
