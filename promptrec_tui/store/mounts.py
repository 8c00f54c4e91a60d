"""Which file system a folder lies on, and whether that is one over the network."""

import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs"}
    | {"fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)
"""File systems that machines share: SQLite's WAL needs memory that all its programs have in common."""


def type_of(mountinfo: str, path: Path) -> str:
    """The type of the file system that an absolute path lies on; "" where the table does not say.

    `mountinfo` is the text of `/proc/self/mountinfo`. The longest mount point wins; of two at one place the
    later one, which covers the other.
    """
    best, found = -1, ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if len(fields) < 5 or not kind:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), kind
    return found


def network_type(folder: Path) -> str:
    """The type of the network file system that `folder` lies on; "" where it is local, or nobody knows."""
    try:
        mountinfo = MOUNTINFO.read_text("utf-8", "replace")
    except OSError:
        return ""
    kind = type_of(mountinfo, folder.resolve())
    return kind if kind in NETWORK else ""
