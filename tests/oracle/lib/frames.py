"""Messages between the suite and its worker processes: a length, then a pickle. Both ends are ours."""
import pickle
import struct


def send(stream, message):
    data = pickle.dumps(message, protocol=5)
    stream.write(struct.pack("<Q", len(data)))
    stream.write(data)
    stream.flush()


def receive(stream):
    """The next message; EOFError where the other end is gone."""
    head = read_exactly(stream, 8)
    return pickle.loads(read_exactly(stream, struct.unpack("<Q", head)[0]))


def read_exactly(stream, count):
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            raise EOFError("the other end is gone")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
