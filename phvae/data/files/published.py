"""Published files: what they are called, where they come from, and whether a copy is the published one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from phvae.data.files.safe import digest
from phvae.data.recipe import Input
from phvae.errors import DataError

__all__ = ["Published", "check"]


@dataclass(frozen=True)
class Published:
    """A file of a published data set.

    Attributes:
        name: its published name; a trailing .gz may be absent from a copy.
        folders: folders, below each place of the search path, in which copies lie; a fetched file goes to the first.
        urls: published addresses.
        sha256: of the unpacked bytes, where known.
        md5: of the file as published, where known.
        hashes_from: where these hashes are taken from.
        magic: the first bytes, a first check where no hash is known.
        limit: size in bytes that neither the file nor its unpacked bytes exceed.
        members_checked: whether its reader checks the members of this archive, so that a copy packed anew is as good.
        unpacked: folders, below each place of the search path, that may hold the archive's files unpacked.
        members: files that such a folder must hold.
    """

    name: str
    folders: tuple[str, ...]
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    md5: str | None = None
    hashes_from: str = ""
    magic: bytes = b""
    limit: int = 1 << 30
    members_checked: bool = False
    unpacked: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def vouched(self) -> bool:
        """Whether only the published bytes pass, however a copy is packed; what a folder holds unpacked aside."""
        return bool(self.sha256 or self.members_checked or (self.md5 and not self.name.endswith(".gz")))


def check(published: Published, path: Path, *, as_published: bool = False) -> Input:
    """Check a copy of a published file; the sha256 returned is that of the unpacked bytes.

    Raises:
        DataError: if it is not the published file.
    """
    packed = published.name.endswith(".gz")
    size = path.stat().st_size if path.exists() else 0
    if size > published.limit:
        raise DataError(f"{path}: {size} bytes, more than {published.name} can have ({published.limit})")
    found = digest(path, unpack=packed, limit=published.limit)
    if published.sha256 is not None:
        if found != published.sha256:
            raise DataError(
                f"{path}: not the published {published.name}: its unpacked bytes have sha256 {found}, "
                f"expected {published.sha256}; the copy is damaged, cut short or another file: replace it"
            )
        return Input(published.name, found, verified=True)
    if published.md5 is not None:
        md5 = digest(path, "md5")
        if md5 == published.md5:
            return Input(published.name, found, verified=True)
        # only the packed file's hash is known: a copy that somebody unpacked or packed again cannot be judged by it
        if as_published or not packed:
            raise DataError(
                f"{path}: not the published {published.name}: it has md5 {md5}, expected {published.md5}; "
                "the copy is damaged, cut short or another file: replace it"
            )
        if published.members_checked:
            return Input(published.name, found, verified=True)
    with path.open("rb") as stream:
        if stream.read(len(published.magic)) != published.magic:
            raise DataError(f"{path}: not the published {published.name}: it does not begin with {published.magic!r}")
    return Input(published.name, found, verified=False)
