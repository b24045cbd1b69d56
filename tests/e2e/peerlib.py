"""A peer that says what it likes: the handshake of protocols/channel.h from libsodium's primitives,
spelled out a second time, so that a test can be a stranger, a thief with a device's key, or a
member that sends garbage.
"""
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import socket
import struct

MEMBER, JOIN = 1, 2
DIALLER = 1
GREET, PULL, PUSH, BLOCK, JOINING, PING, STRIKE = range(1, 8)

_name = ctypes.util.find_library("sodium")
sodium = ctypes.CDLL(_name) if _name else None
if sodium is not None:
    sodium.sodium_init()


def available():
    return sodium is not None


# ---- primitives ----

def digest(tag, *parts):
    state = hashlib.blake2b(digest_size=32)
    for part in (tag.encode(), *parts):
        state.update(part)
    return state.digest()


def _hash(*parts):
    state = hashlib.blake2b()
    for part in parts:
        state.update(part)
    return state.digest()


def _public(secret):
    out = ctypes.create_string_buffer(32)
    assert sodium.crypto_scalarmult_base(out, secret) == 0
    return out.raw


def _shared(secret, public):
    out = ctypes.create_string_buffer(32)
    assert sodium.crypto_scalarmult(out, secret, public) == 0
    return out.raw


class Identity:
    """An Ed25519 key: a device's (its 32 bytes on disk) or a fresh one."""

    def __init__(self, seed=None):
        public, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        sodium.crypto_sign_seed_keypair(public, self.secret, seed or os.urandom(32))
        self.key = public.raw

    def sign(self, tag, message):
        out = ctypes.create_string_buffer(64)
        message = tag.encode() + message
        sodium.crypto_sign_detached(out, None, message, ctypes.c_ulonglong(len(message)), self.secret)
        return out.raw


class Cipher:
    def __init__(self, key):
        self.key, self.nonce = key[:32], 0

    def _next(self):
        nonce = b"\0\0\0\0" + struct.pack("<Q", self.nonce)
        self.nonce += 1
        return nonce

    def seal(self, plain, ad=b""):
        out = ctypes.create_string_buffer(len(plain) + 16)
        sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
            out, None, plain, ctypes.c_ulonglong(len(plain)), ad, ctypes.c_ulonglong(len(ad)), None, self._next(),
            self.key)
        return out.raw

    def open(self, sealed, ad=b""):
        out = ctypes.create_string_buffer(max(len(sealed) - 16, 1))
        if sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
                out, None, None, sealed, ctypes.c_ulonglong(len(sealed)), ad, ctypes.c_ulonglong(len(ad)),
                self._next(), self.key) != 0:
            raise ValueError("does not open")
        return out.raw[:len(sealed) - 16]


# ---- canonical MessagePack, as far as peers need it ----

def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        for limit, head, form in ((0x80, b"", ">B"), (1 << 8, b"\xcc", ">B"), (1 << 16, b"\xcd", ">H"),
                                  (1 << 32, b"\xce", ">I"), (1 << 64, b"\xcf", ">Q")):
            if value < limit:
                return head + struct.pack(form, value)
    if isinstance(value, str):
        data = value.encode()
        head = bytes([0xa0 | len(data)]) if len(data) < 32 else b"\xd9" + bytes([len(data)])
        return head + data
    if isinstance(value, bytes):
        for limit, head, form in ((1 << 8, b"\xc4", ">B"), (1 << 16, b"\xc5", ">H"), (1 << 32, b"\xc6", ">I")):
            if len(value) < limit:
                return head + struct.pack(form, len(value)) + value
    if isinstance(value, (list, tuple)):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + struct.pack(">H", len(value))
        return head + b"".join(pack(item) for item in value)
    raise TypeError(value)


def unpack(data, at=0):
    """One value and where it ends."""
    head = data[at]
    if head < 0x80:
        return head, at + 1
    if 0x90 <= head <= 0x9f or head == 0xdc or head == 0xdd:
        size = {0xdc: 2, 0xdd: 4}.get(head, 0)
        count = int.from_bytes(data[at + 1:at + 1 + size], "big") if size else head & 15
        at += 1 + size
        items = []
        for _ in range(count):
            item, at = unpack(data, at)
            items.append(item)
        return items, at
    if 0xa0 <= head <= 0xbf:
        end = at + 1 + (head & 31)
        return data[at + 1:end].decode(), end
    if head in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[head], at + 1
    if head in (0xcc, 0xcd, 0xce, 0xcf):
        end = at + 1 + (1 << (head - 0xcc))
        return int.from_bytes(data[at + 1:end], "big"), end
    size = {0xc4: 1, 0xc5: 2, 0xc6: 4, 0xd9: 1, 0xda: 2}[head]
    start = at + 1 + size
    end = start + int.from_bytes(data[at + 1:start], "big")
    return (data[start:end].decode() if head >= 0xd9 else data[start:end]), end


# ---- frames and the handshake ----

def frame(payload, claimed=None):
    """A frame of a link: its length, then the bytes."""
    return struct.pack(">I", len(payload) if claimed is None else claimed) + payload


def hello(mesh, message=None, mode=MEMBER, version=1, magic=b"MOOT"):
    """The first frame's bytes: a tag that only who knows the mesh id can make, and Noise message 1."""
    message = os.urandom(32 if mode == MEMBER else 48) if message is None else message
    return magic + bytes([version, mode]) + digest("moot/hello/1", mesh, message)[:16] + message


class Peer:
    """One link. shake() makes it a session; ask() and tell() speak; everything has a limit in time."""

    def __init__(self, port, seconds=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.socket.settimeout(seconds)
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # the other side may have hung up: receive() tells

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError("closed")
            data += more
        return data

    def receive(self):
        return self._exactly(struct.unpack(">I", self._exactly(4))[0])

    def closed(self):
        """True when the other side hangs up; what it still says is thrown away."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True

    def silent(self):
        """True when the other side hangs up without a byte."""
        try:
            return self.socket.recv(1) == b""
        except socket.timeout:
            return False
        except OSError:
            return True

    # -- Noise_XX_25519_ChaChaPoly_BLAKE2b, dialling --

    def _mix_hash(self, data):
        self.hash = _hash(self.hash, data)

    def _mix_key(self, data):
        key = hmac.new(self.chaining, data, hashlib.blake2b).digest()
        self.chaining = hmac.new(key, b"\1", hashlib.blake2b).digest()
        self.cipher = Cipher(hmac.new(key, self.chaining + b"\2", hashlib.blake2b).digest())

    def _sealed(self, plain):
        data = self.cipher.seal(plain, self.hash)
        self._mix_hash(data)
        return data

    def _opened(self, data):
        plain = self.cipher.open(data, self.hash)
        self._mix_hash(data)
        return plain

    def begin(self, mesh):
        """Sends hello and message 1, reads message 2. Returns the listener's device key."""
        self.ephemeral = os.urandom(32)
        self.hash = b"Noise_XX_25519_ChaChaPoly_BLAKE2b".ljust(64, b"\0")
        self.chaining = self.hash
        self._mix_hash(b"moot/prologue/1" + bytes([1, MEMBER]) + mesh)
        first = _public(self.ephemeral)
        self._mix_hash(first)
        self._mix_hash(b"")
        self.said_hello = frame(hello(mesh, first))
        self.send(self.said_hello)
        reply = self.receive()
        remote = reply[:32]
        self._mix_hash(remote)
        self._mix_key(_shared(self.ephemeral, remote))
        self.remote_ephemeral = remote
        remote_static = self._opened(reply[32:80])
        self._mix_key(_shared(self.ephemeral, remote_static))
        proof, _ = unpack(self._opened(reply[80:]))
        return proof[0]

    def proof(self, identity, greeting=None, role=DIALLER):
        """Message 3 with the proof of `identity`."""
        greeting = pack([bytes(8), 1, 1, 1]) if greeting is None else greeting
        static = os.urandom(32)
        before, public = self.hash, _public(static)
        message = self._sealed(public)
        self._mix_key(_shared(static, self.remote_ephemeral))
        signature = identity.sign("moot/link/1", bytes([role]) + before + public)
        message += self._sealed(pack([identity.key, signature, greeting]))
        self.said_proof = frame(message)
        return self.said_proof

    def shake(self, mesh, identity):
        self.begin(mesh)
        self.send(self.proof(identity))
        key = hmac.new(self.chaining, b"", hashlib.blake2b).digest()
        first = hmac.new(key, b"\1", hashlib.blake2b).digest()
        second = hmac.new(key, first + b"\2", hashlib.blake2b).digest()
        self.out, self.into = Cipher(first), Cipher(second)
        return self

    # -- messages --

    def sealed(self, message):
        return frame(self.out.seal(b"\1" + message))

    def tell(self, kind, body, number=0, answer=False):
        """`body` is bytes as they are, or a value to pack."""
        body = body if isinstance(body, bytes) else pack(body)
        self.send(self.sealed(bytes([0x94]) + pack(kind) + pack(number) + pack(answer) + body))

    def hear(self):
        """The next message: [type, number, answer, body]."""
        data, plain = self.receive(), b""
        while data:
            plain += self.into.open(data[:65535])[1:]
            data = data[65535:]
        return unpack(plain)[0]

    def greet(self, frontier=bytes(32), loose=bytes(32), own_seq=0, url="", fork=bytes(8), epoch=1):
        self.tell(GREET, ["", url, "test", 1, epoch, fork, own_seq, frontier, loose, 0, []])

    def pull(self, fork=bytes(8), credit=900000):
        """Everything the other side holds, as it answers a peer that holds nothing."""
        self.number += 1
        self.tell(PULL, [bytes(32), bytes(32), fork, credit, True, [], [], []], self.number)
        for _ in range(100):
            kind, number, answer, body = self.hear()
            if kind == PULL and answer and number == self.number:
                return body
            if kind == PING and not answer:
                self.tell(PING, None, number, True)
        raise ValueError("no answer to a PULL")
