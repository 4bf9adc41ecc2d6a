#!/usr/bin/env python3
"""Verify an evidence pack of the Cleanup Portal. Needs Python 3.9 or later and nothing else.

    python -I -S verify.py [PACK.zip or FOLDER] [--key HEX]

Without a path, the folder that this file is in. ``--key`` is the portal's public key as its audit page shows it, or as
somebody you trust reads it to you: whoever makes a pack up can sign it with a key of their own.

Checked are: that every file is as it was signed; that every entry has its digest and follows from the one before it;
that names and details are those that entries refer to; that a signed checkpoint names the end; that the policies and
e-mails are those of the entries. Ends with 0 where all of it holds, else with 1 and what does not.

Entries of other workspaces are sealed: number, digest and the digest before alone. What they say cannot be computed
again; that they stand between the others is proven by the signatures of the manifest and of the checkpoints.
"""

import argparse
import hashlib
import json
import sys
import zipfile
from pathlib import Path

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
MANIFEST, ENTRIES, CHECKPOINTS, THIS = "manifest.json", "entries.jsonl", "checkpoints.jsonl", "verify.py"
SEALED = {"seq", "previous", "digest"}


class DoesNotHold(Exception):
    """Something in the pack is not as it was."""


# Ed25519 after RFC 8032, section 5.1; points in extended coordinates.


def _recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT % P
    if (x * x - x2) % P:
        return None
    return P - x if (x & 1) != sign else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = _recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result


def _point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature of 64 bytes over a message holds under a public key of 32 bytes."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    left, right = _times(scalar, BASE), _add(commitment, _times(challenge, key))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


# The pack.


class Pack:
    """The files of a pack, in a zip or a folder."""

    def __init__(self, path):
        self.path, self.zip = Path(path), None
        if self.path.is_file():
            self.zip = zipfile.ZipFile(self.path)

    def names(self):
        if self.zip:
            names = [name for name in self.zip.namelist() if not name.endswith("/")]
            if len(names) != len(set(names)):
                raise DoesNotHold("the zip holds two files of one name")
            return set(names)
        return {file.relative_to(self.path).as_posix() for file in self.path.rglob("*") if file.is_file()}

    def open(self, name):
        try:
            return self.zip.open(name) if self.zip else (self.path / name).open("rb")
        except (KeyError, OSError):
            raise DoesNotHold(f"{name} is missing") from None

    def read(self, name):
        with self.open(name) as file:
            return file.read()

    def lines(self, name):
        with self.open(name) as file:
            for line in file:
                yield json.loads(line)


def canonical(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(content):
    return hashlib.sha256(canonical(content)).hexdigest()


def check_manifest(pack, key):
    """The manifest, once its signature and every file that it names hold."""
    manifest = json.loads(pack.read(MANIFEST))
    signed = {name: value for name, value in manifest.items() if name != "signature"}
    if key and key.lower() != manifest["key"]:
        raise DoesNotHold("the pack is signed with another key than the one given")
    if not ed25519_holds(bytes.fromhex(manifest["key"]), canonical(signed), bytes.fromhex(manifest["signature"])):
        raise DoesNotHold("the signature of manifest.json does not hold")
    for name, digest in sorted(manifest["files"].items()):
        found = hashlib.sha256()
        with pack.open(name) as file:
            while part := file.read(1 << 20):
                found.update(part)
        if found.hexdigest() != digest:
            raise DoesNotHold(f"{name} is not as it was signed")
    # This file may have been run from elsewhere, and Python may have left its cache beside it.
    strange = {name for name in pack.names() if "__pycache__" not in name} - set(manifest["files"]) - {MANIFEST, THIS}
    if strange:
        raise DoesNotHold(f"{sorted(strange)[0]} does not belong to the pack")
    return manifest


def check_entry(entry, before):
    """One entry against the one before it; returns nothing and raises what is wrong."""
    seq = entry["seq"]
    if before is not None and (seq != before[0] + 1 or entry["previous"] != before[1]):
        raise DoesNotHold(f"entry {seq} does not follow from the entry before it")
    if set(entry) == SEALED:
        return
    content = [seq, entry["at"], entry["workspace"], entry["actor_ref"], entry["kind"], entry["subject_ref"]]
    content += [entry["account_id"], entry["cleanup"], entry["data"], entry["personal"], entry["previous"]]
    if entry["digest"] != sha256(content):
        raise DoesNotHold(f"entry {seq} does not match its digest")
    told = [entry["actor_ref"], entry["subject_ref"], entry["personal"]]
    for reference, row in entry.get("beside", {}).items():
        if reference not in told:
            raise DoesNotHold(f"entry {seq} has details that it does not refer to")
        if row is not None and sha256(row) != reference:
            raise DoesNotHold(f"the names or details of entry {seq} are not those it was written with")
    for name, reference in (("actor", told[0]), ("subject", told[1])):
        row = entry.get("beside", {}).get(reference)
        if entry.get(name) and (row is None or row[1] != entry[name]):
            raise DoesNotHold(f"the {name} of entry {seq} is not the one it refers to")


def details_of(entry):
    row = entry.get("beside", {}).get(entry["personal"])
    return dict(entry["data"], **(row[2] if row else {}))


def check_entries(pack, manifest):
    """The chain, and what other files repeat of it; returns the digest of each entry, and how many are sealed."""
    before, digests, sealed, attached = None, {}, 0, manifest["attached"]
    for entry in pack.lines(ENTRIES):
        check_entry(entry, before)
        before = (entry["seq"], entry["digest"])
        digests[entry["seq"]] = entry["digest"]
        sealed += set(entry) == SEALED
        for name in attached.get(str(entry["seq"]), []):
            check_attached(name, pack.read(name).decode(), details_of(entry))
    if [min(digests, default=0), max(digests, default=0)] != [manifest["first"], manifest["last"]]:
        raise DoesNotHold("entries are missing at the beginning or the end")
    if sealed != manifest.get("sealed", 0):
        raise DoesNotHold("other entries are sealed than when the pack was made")
    return digests, sealed


def check_attached(name, text, details):
    if name.startswith("policies/") and text != details.get("policy"):
        raise DoesNotHold(f"{name} is not the text that was adopted")
    if name.startswith("e-mails/"):
        mail = details.get("mail") or {}
        if text != f"To: {details.get('address', '')}\nSubject: {mail.get('subject', '')}\n\n{mail.get('text', '')}":
            raise DoesNotHold(f"{name} is not the e-mail that was sent")


def check_checkpoints(pack, manifest, digests):
    """Every checkpoint is signed and agrees with the entries, and one of them is of the last entry or a later one."""
    newest = 0
    for line in pack.lines(CHECKPOINTS):
        content = json.dumps([line["number"], line["digest"], line["at"]], separators=(",", ":")).encode()
        if line["key"] != manifest["key"]:
            raise DoesNotHold(f"checkpoint {line['number']} is signed with another key")
        if not ed25519_holds(bytes.fromhex(line["key"]), content, bytes.fromhex(line["signature"])):
            raise DoesNotHold(f"the signature of checkpoint {line['number']} does not hold")
        if line["number"] in digests and digests[line["number"]] != line["digest"]:
            raise DoesNotHold(f"entry {line['number']} is not the one that its checkpoint names")
        newest = max(newest, line["number"] if line["number"] in digests else 0)
    if newest != manifest["last"]:
        raise DoesNotHold("no checkpoint names the last entry")


def verify(path, key=""):
    """The manifest of a pack that holds, with how many entries it shows and how many are sealed.

    Raises ``DoesNotHold``.
    """
    try:
        pack = Pack(path)
        manifest = check_manifest(pack, key)
        digests, sealed = check_entries(pack, manifest)
        check_checkpoints(pack, manifest, digests)
    except (DoesNotHold, OSError):
        raise
    except Exception as error:  # Of whatever kind: what cannot be read does not hold.
        raise DoesNotHold(f"the pack is damaged ({type(error).__name__}: {error})") from None
    return manifest, len(digests) - sealed, sealed


def shown(text):
    """A text on one line, of which nothing commands a terminal: whoever made the pack may have written it."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(text))


def main():
    parser = argparse.ArgumentParser(description="Verify an evidence pack of the Cleanup Portal.")
    parser.add_argument("pack", nargs="?", default=str(Path(__file__).resolve().parent), help="a zip or a folder")
    parser.add_argument("--key", default="", help="the portal's public key, as its audit page shows it")
    given = parser.parse_args()
    try:
        manifest, count, sealed = verify(given.pack, given.key)
    except (DoesNotHold, OSError, zipfile.BadZipFile) as problem:
        print(f"REFUSED: {shown(problem)}", file=sys.stderr)
        return 1
    print(f"{shown(manifest['title'])}: {count:,} entries hold, {manifest['first']} to {manifest['last']}")
    if sealed:
        print(f"sealed, as they are of other workspaces: {sealed}")
    print(f"made on {shown(manifest['at'])}, signed with the key {shown(manifest['key'])}")
    if not given.key:
        print("compare this key with the one on the portal's audit page")
    return 0


if __name__ == "__main__":
    sys.exit(main())
