#!/usr/bin/env python3
"""Writes material for the benchmark workloads: make_material.py FOLDER SECONDS

Tracks are white noise at -29 dBFS RMS, mono, 24 bit, 48 kHz; impulse responses are decaying noise of unit energy a channel. The same
bytes every time. What is already there and long enough is kept.
"""
import math, os, random, sys, wave

RATE = 48000
TRACKS = [f"t{i:02d}" for i in range(16)] + [f"v{v}_t{i:02d}" for v in range(1, 10) for i in range(4)]
HIGH_BYTE = bytes(((b & 15) - 8) & 255 for b in range(256))  # samples in [-2^19, 2^19)


def write(path, channels, data):
    with wave.open(path + ".partial", "wb") as f:
        f.setnchannels(channels); f.setsampwidth(3); f.setframerate(RATE); f.writeframes(data)
    os.replace(path + ".partial", path)


def has_frames(path, frames):
    try:
        with wave.open(path, "rb") as f:
            return f.getnframes() == frames
    except (OSError, EOFError, wave.Error):
        return False


def noise(seed, frames):
    source, data = random.Random(seed), bytearray(3 * frames)
    for byte in range(3):
        data[byte::3] = source.randbytes(frames)
    data[2::3] = bytes(data[2::3]).translate(HIGH_BYTE)
    return bytes(data)


def response(seed, channels, frames, rt60_s):
    source = random.Random(seed)
    ir = [[source.uniform(-1, 1) * 10 ** (-3 * i / RATE / rt60_s) for i in range(frames)] for _ in range(channels)]
    norms = [math.sqrt(sum(x * x for x in one)) for one in ir]
    data = bytearray()
    for frame in zip(*ir):
        for x, norm in zip(frame, norms):
            data += round(x / norm * 8388607).to_bytes(3, "little", signed=True)
    return bytes(data)


def main():
    if len(sys.argv) != 3 or not sys.argv[2].isdigit() or int(sys.argv[2]) < 1:
        sys.exit(__doc__)
    folder, frames = sys.argv[1], int(sys.argv[2]) * RATE
    os.makedirs(f"{folder}/src", exist_ok=True)
    os.makedirs(f"{folder}/ir", exist_ok=True)
    for seed, name in enumerate(TRACKS):
        if not has_frames(path := f"{folder}/src/{name}.wav", frames):
            write(path, 1, noise(seed, frames))
    for channels, seconds, rt60_s in ((2, 3, 2.5), (6, 4, 3.2)):
        if not has_frames(path := f"{folder}/ir/ir{channels}.wav", seconds * RATE):
            write(path, channels, response(channels, channels, seconds * RATE, rt60_s))


if __name__ == "__main__":
    main()
