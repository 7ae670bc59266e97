"""Files made wrong in the ways that files go wrong, and in the ways that somebody would make them: for fuzzing.

Half of what `mutate` does knows nothing of formats: bits flipped, bytes set, blocks cut out, doubled or taken from
another file, extreme integers written over fields. The other half knows a format well enough to change a field behind
its checksum: PNG's chunks, TIFF's directory, JPEG's segments, NPY's header, ZIP's members, JSON's values,
HDF5's tree.

Everything is drawn from the generator that is handed in, so that a case is a function of its seed and number.
"""

import ast
import io
import json
import random
import struct
import zipfile
import zlib

EXTREMES = (0, 1, 2, 3, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 9999, 10**8, 2**31 - 1, 2**31, 2**32 - 1, 2**32)
EXTREMES += (2**40, 2**63 - 1, 2**63, 2**64 - 1, 0xFFFFFFFFFFFFFFFE)
HEADER = 512  # bytes at the start of a file, where most formats keep their sizes


def mutate(rng: random.Random, kind: str, content: bytes, other: bytes) -> bytes:
    """One to three changes to a file of a kind ("png", "tif", …), some of them with parts of another file."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        change = STRUCTURAL.get(kind) if rng.random() < 0.6 else None
        try:
            content = change(rng, content, other) if change else rng.choice(BLIND)(rng, content, other)
        except Exception:  # an earlier change has left no structure
            content = rng.choice(BLIND)(rng, content, other)
    return content


# ---- Without knowing the format --------------------------------------------------------------------------------------


def _place(rng: random.Random, content: bytes) -> int:
    """A position, often in the header."""
    return rng.randrange(max(1, min(len(content), HEADER) if rng.random() < 0.5 else len(content)))


def _flip(rng: random.Random, content: bytes, other: bytes) -> bytes:
    changed = bytearray(content or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[_place(rng, changed)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set(rng: random.Random, content: bytes, other: bytes) -> bytes:
    changed, place = bytearray(content or b"\0"), _place(rng, content)
    changed[place : place + rng.choice((1, 1, 4, 64))] = rng.randbytes(1) * rng.choice((1, 1, 4, 64))
    return bytes(changed)


def _cut(rng: random.Random, content: bytes, other: bytes) -> bytes:
    return content[: _place(rng, content)]


def _delete(rng: random.Random, content: bytes, other: bytes) -> bytes:
    place = _place(rng, content)
    return content[:place] + content[place + rng.choice((1, 2, 4, 16, 300)) :]


def _double(rng: random.Random, content: bytes, other: bytes) -> bytes:
    place, size = _place(rng, content), rng.choice((1, 2, 4, 16, 300))
    return content[:place] + content[place : place + size] * rng.choice((2, 3, 50)) + content[place + size :]


def _splice(rng: random.Random, content: bytes, other: bytes) -> bytes:
    here, there = _place(rng, content), _place(rng, other)
    return content[:here] + other[there:]


def _integer(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """An extreme number over a field of 2, 4 or 8 bytes, mostly where such fields are aligned."""
    size = rng.choice((2, 4, 8))
    place = _place(rng, content)
    place -= place % size if rng.random() < 0.7 else 0
    number = _extreme(rng, size).to_bytes(size, rng.choice(("little", "big")))
    return content[:place] + number + content[place + size :]


def _extreme(rng: random.Random, size: int) -> int:
    return (rng.choice(EXTREMES) + rng.choice((-1, 0, 0, 1))) % 256**size


BLIND = (_flip, _set, _cut, _delete, _double, _splice, _integer, _integer)


# ---- Formats ---------------------------------------------------------------------------------------------------------


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Of a PNG: (type, data)."""
    found, place = [], 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        found.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += length + 12
    return found


def _png(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Changed chunks with the right checksums."""
    chunks = _chunks(content)
    i = rng.randrange(len(chunks))
    name, data = chunks[i]
    match rng.choice(("header", "header", "data", "pixels", "drop", "double", "move", "foreign", "name")):
        case "header":
            name, data = chunks[0]
            sizes = [_extreme(rng, 4) if rng.random() < 0.4 else size for size in struct.unpack(">II", data[:8])]
            depth, colour, *rest = data[8:13]
            depth, colour = (rng.choice((depth, 1, 2, 4, 8, 16, 3)), rng.choice((colour, 0, 2, 3, 4, 6, 7)))
            chunks[0] = name, struct.pack(">II5B", *sizes, depth, colour, *rest[:2], rng.choice((0, 0, 1, 9)))
        case "data":
            chunks[i] = name, rng.choice(BLIND)(rng, data, other)
        case "pixels":  # under a whole stream of deflate: wrong filters, too much, too little
            i = [name for name, _ in chunks].index(b"IDAT")
            chunks[i] = b"IDAT", zlib.compress(rng.choice(BLIND)(rng, zlib.decompress(chunks[i][1]), other))
        case "drop":
            del chunks[i]
        case "double":
            chunks.insert(rng.randrange(len(chunks)), chunks[i])
        case "move":
            chunks.insert(rng.randrange(len(chunks)), chunks.pop(i))
        case "foreign":
            chunks.insert(rng.randrange(len(chunks)), rng.choice(_chunks(other)))
        case "name":
            names = (
                b"PLTE",
                b"tRNS",
                b"iCCP",
                b"pHYs",
                b"cICP",
                b"eXIf",
                b"zTXt",
                b"iTXt",
                b"gAMA",
                b"acTL",
                b"fcTL",
                b"fdAT",
                b"IEND",
            )
            chunks[i] = rng.choice(names), data
    body = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return content[:8] + b"".join(body)


TAGS = (254, 258, 259, 262, 266, 270, 273, 274, 277, 279, 282, 284, 286, 296, 317, 318, 320, 322, 323, 324, 338, 339)
TAGS += (347, 530, 700, 32997, 33550, 33723, 34665, 34675, 34735, 34737, 42112, 42113, 50838, 50839, 65000)


def _tiff(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """One entry of the first directory: its tag, type, number or value."""
    order = "<" if content[:2] == b"II" else ">"
    big = struct.unpack(order + "H", content[2:4])[0] == 43
    place = struct.unpack(order + ("Q" if big else "I"), content[8:16] if big else content[4:8])[0]
    head, size, field = (8, 20, "Q") if big else (2, 12, "I")
    number = struct.unpack(order + ("Q" if big else "H"), content[place : place + head])[0]
    entry = place + head + size * rng.randrange(min(number, 50))
    tag, kind, count, value = struct.unpack(order + "HH" + field * 2, content[entry : entry + size])
    width = 8 if big else 4
    match rng.choice(("value", "value", "small", "offset", "count", "kind", "tag")):
        case "value":
            value = _extreme(rng, width)
        case "small":
            value = rng.randrange(20) << (0 if order == "<" or kind == 4 else 8 * width - 16)
        case "offset":  # to itself, to the directory, to the end
            value = rng.choice((entry, place, len(content) - 1, len(content), 0, 8))
        case "count":
            count = _extreme(rng, width)
        case "kind":
            kind = rng.randrange(20)
        case "tag":
            tag = rng.choice(TAGS)
    changed = struct.pack(order + "HH" + field * 2, tag, kind, count, value)
    return content[:entry] + changed + content[entry + size :]


def _jpeg(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """A changed byte or number in a segment before the scan, or a segment of another file."""
    places, place = [], 2
    while content[place + 1] != 0xDA:
        places.append(place)
        place += 2 + struct.unpack(">H", content[place + 2 : place + 4])[0]
    place = rng.choice([*places, place])
    length = 2 + struct.unpack(">H", content[place + 2 : place + 4])[0]
    match rng.choice(("frame", "number", "byte", "drop", "double", "marker")):
        case "frame":
            place = next(p for p in places if content[p + 1] in (0xC0, 0xC2)) + 4 + rng.choice((0, 1, 1, 3, 3, 5, 7))
            return content[:place] + struct.pack(">H", _extreme(rng, 2)) + content[place + 2 :]
        case "number":
            place += 2 + rng.randrange(length)
            return content[:place] + struct.pack(">H", _extreme(rng, 2)) + content[place + 2 :]
        case "byte":
            place += 2 + rng.randrange(length)
            return content[:place] + rng.randbytes(1) + content[place + 1 :]
        case "drop":
            return content[:place] + content[place + length :]
        case "double":
            return content[: place + length] + content[place:]
        case _:
            return content[: place + 1] + bytes([rng.randrange(0xC0, 256)]) + content[place + 2 :]


DTYPES = ("|u1", "<u2", ">u2", "<f4", ">f8", "<f2", "<i8", "|b1", "|O", "<U3", "|S0", "|V9", "<c16", "<M8[s]", "x", "")
HEADERS = ("{}", "[]", "None", "1", "(" * 3000, "[" * 300 + "]" * 300, "{'descr': '|u1'}", "-" * 5000 + "1", "'\\x'")


def _npy(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Another header: dtype, order and shape."""
    start = 10 if content[6] == 1 else 12
    length = int.from_bytes(content[8:start], "little")
    header = ast.literal_eval(content[start : start + length].decode())
    shape = list(header["shape"])
    match rng.choice(("dtype", "size", "size", "sizes", "rank", "text")):
        case "dtype":
            header["descr"] = rng.choice((*DTYPES, [("a", "|u1"), ("b", "<f4")], ("<f4", (3,)), 3, None))
        case "size":
            shape[rng.randrange(len(shape))] = rng.choice((*EXTREMES, -1, 0, True, 1.5, None, "3", 10**30))
        case "sizes":
            shape = [rng.choice((*EXTREMES, -1)) for _ in range(rng.choice((1, 2, 3, 4, 40, 70)))]
        case "rank":
            shape = rng.choice((shape[:-1], [*shape, 1], [1, *shape], [0, *shape], shape[::-1]))
        case "text":
            return _npy_of(rng.choice(HEADERS), content[start + length :])
    header["shape"], header["fortran_order"] = tuple(shape), rng.choice((False, True, 1, None))
    return _npy_of(repr(header), content[start + length :])


def _npy_of(header: str, data: bytes) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + data


def _zip(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Changed members with the right checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    i = rng.randrange(len(members))
    name, data = members[i]
    match rng.choice(("array", "array", "blind", "drop", "name", "double", "foreign", "nonsense", "bomb")):
        case "array":
            members[i] = name, _npy(rng, data, other)
        case "blind":
            members[i] = name, rng.choice(BLIND)(rng, data, other)
        case "drop":
            del members[i]
        case "name":
            members[i] = (
                rng.choice((name[:-4], name + ".npy", "", "../" + name, "x/y.npy", "\udce4"[:0] + "ä.npy")),
                data,
            )
        case "double":
            members.append(members[i])
        case "foreign":
            with zipfile.ZipFile(io.BytesIO(other)) as archive:
                members[i] = name, archive.read(rng.choice(archive.namelist()))
        case "nonsense":
            members[i] = name, rng.choice((b"", b"\x93NUMPY", b"text", b"\x80\x04N."))
        case "bomb":
            members[i] = name, data + bytes(3_000_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((0, 8, 8, 12, 14)), compresslevel=1) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, archive.compression)
    return buffer.getvalue()


def _hdf5(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Fields of the tree of objects, which is in the first kilobytes; the length stays, for HDF5 looks at it first."""
    for _ in range(rng.choice((1, 2, 4))):
        place = rng.randrange(min(len(content), 5000))
        place -= place % 8 if rng.random() < 0.7 else 0
        size = rng.choice((1, 1, 2, 4, 8))
        number = rng.choice((_extreme(rng, size), rng.randrange(min(256**size, 2 * len(content)))))
        content = (content[:place] + number.to_bytes(size, "little") + content[place + size :])[: len(content)]
    return content


VALUES = (None, True, -1, 0, 2**31, 2**63, 10**400, 1e308, -0.5, "", "text", "\0", "\ud800", [], {}, [[]], {"a": {}})
VALUES += (float("nan"), float("inf"), "9" * 5000, [0] * 3000, ["a", None], {"": 1})
TEXTS = (b"", b"null", b"[]", b"3", b'"text"', b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe{}", b"\x80", b"9" * 9999)


def _json(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Another value, key or piece at a random place of the tree."""
    tree = json.loads(content)
    if rng.random() < 0.1:
        return rng.choice(TEXTS)
    changed_json(rng, tree)
    return json.dumps(tree).encode()


def changed_json(rng: random.Random, tree: dict | list) -> None:
    """Change one place in a tree of plain values."""
    places = [(tree, key) for key in (tree if isinstance(tree, dict) else range(len(tree)))]
    for node, key in places:  # grows meanwhile: breadth first
        if isinstance(node[key], dict | list):
            inner = node[key]
            places += [(inner, k) for k in (inner if isinstance(inner, dict) else range(len(inner)))]
    node, key = rng.choice(places)
    match rng.choice(("value", "value", "value", "drop", "name", "swap")):
        case "value":
            node[key] = rng.choice(VALUES)
        case "drop":
            del node[key]
        case "name" if isinstance(node, dict):
            node[rng.choice(("", "text", key + "x"))] = node.pop(key)
        case _:
            there, name = rng.choice(places)
            node[key] = json.loads(json.dumps(there[name]))


STRUCTURAL = {"png": _png, "tif": _tiff, "jpg": _jpeg, "npy": _npy, "npz": _zip, "json": _json, "mat": _hdf5}
