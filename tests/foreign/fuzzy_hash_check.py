#!/usr/bin/env python3
"""Compares the fuzzy hashes of `hash.artifact` with those of programs nobody here wrote.

    fuzzy_hash_check.py FOLDER PROGRAM

FOLDER holds files, such as mails. PROGRAM takes folders and prints one line per file in them:
{"file": path, "hashes": output of hash.artifact}. It is given FOLDER and a folder of files that are made here, at the
lengths and of the kinds where the algorithms turn: nothing, one byte, around the 50 bytes that TLSH begins with, around
the lengths where ssdeep takes the next size of blocks, all bytes alike, few different bytes, text, noise, and some of it long.

Compared are MD5, SHA-1, SHA-256 and SHA-512 with hashlib, ssdeep with ppdeep, and TLSH with py-tlsh. Where ours is null
there has to be a reason beside it, and theirs has to have none either: py-tlsh says TNULL, and ppdeep gives `3::` for
nothing.

Exit code 0: the same everywhere; 1: something differs; 2: wrong usage.
"""

import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import ppdeep
import tlsh

SEED = 20261121
# ssdeep doubles its blocks, from 3 bytes on, where 64 of them do not hold the file.
TURNS = [3 * 64 * 2**power for power in range(0, 11, 2)]


def samples():
    """Name and bytes of every file that is made."""
    dice = random.Random(SEED)
    noise = dice.randbytes(600_000)
    words = [bytes(dice.choices(b"abcdefghijklmnopqrstuvwxyz", k=dice.randint(1, 9))) for _ in range(500)]
    text = b" ".join(dice.choices(words, k=40_000))
    lengths = {0, 1, 2, 6, 7, 8, 49, 50, 51, 63, 64, 65, 255, 256, 257, 1000, 65_535, 65_536, 65_537}
    lengths |= {turn + by for turn in TURNS for by in (-1, 0, 1)}
    for length in sorted(lengths):
        yield f"noise-{length}", noise[:length]
        yield f"text-{length}", text[:length]
        # The others need long for these.
        if length < 4096:
            yield f"alike-{length}", b"a" * length
            yield f"zeros-{length}", bytes(length)
            yield f"two-{length}", bytes(dice.choices(b"ab", k=length))
    yield "alike-long", b"a" * 70_000
    yield "noise-large", noise
    yield "text-twice", text + text
    yield "cycle-large", bytes(range(256)) * 1024
    yield "noise-between-zeros", bytes(50_000) + noise[:50_000] + bytes(50_000)


def expected(data):
    """What the others say, in our words."""
    fuzzy = tlsh.hash(data)
    return {
        "size": len(data),
        "md5": hashlib.md5(data).hexdigest(),
        "sha1": hashlib.sha1(data).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "sha512": hashlib.sha512(data).hexdigest(),
        "ssdeep": ppdeep.hash(data) if data else None,
        "tlsh": fuzzy if fuzzy and fuzzy != "TNULL" else None,
    }


def differences(ours, theirs):
    """What is not the same, in sentences."""
    for name, value in theirs.items():
        if ours[name] != value:
            yield f"{name} is {ours[name]}, and theirs {value}"
    for name in ("ssdeep", "tlsh"):
        if (ours[name] is None) != bool(ours[f"{name}_missing"]):
            yield f"{name} is {ours[name]}, and the reason for that {ours[f'{name}_missing']}"


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as made:
        for name, data in samples():
            pathlib.Path(made, name).write_bytes(data)
        dump = subprocess.run([program, folder, made], check=True, capture_output=True, text=True).stdout
        compared, fuzzy, wrong = 0, {"ssdeep": 0, "tlsh": 0}, 0
        for line in dump.splitlines():
            entry = json.loads(line)
            path, ours = pathlib.Path(entry["file"]), entry["hashes"]
            compared += 1
            for name in fuzzy:
                fuzzy[name] += ours[name] is not None
            for difference in differences(ours, expected(path.read_bytes())):
                wrong += 1
                print(f"{path.name}: {difference}")
        files = sum(1 for place in (folder, made) for path in pathlib.Path(place).iterdir() if path.is_file())
    if compared != files:
        wrong += 1
        print(f"{compared} of {files} files were hashed")
    print(f"{compared} files compared, {fuzzy['ssdeep']} with ssdeep, {fuzzy['tlsh']} with TLSH: {wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
