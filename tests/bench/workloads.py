#!/usr/bin/env python3
"""Writes the benchmark workloads as mix documents: workloads.py FOLDER MATERIAL W1 [W2 W3 W4 W1xN W1tN]

W1  16 tracks x 5 min (as long as the material is) to stereo: 4-band EQ, level, pan, a send each into a stereo 3 s impulse response
W2  the same to 5.1 with a six-channel 4 s response, and a little LFE
W3  64 tracks x 10 min, otherwise as W1
W4  ten versions of W1, each with 4 of the 16 tracks its own
W1xN, W1tN  W1 N times as long, and with N times the tracks (N from 2 on): the recordings under N names each (all are read), each time
    begun elsewhere and wrapped around, so that no stretch is like another

MATERIAL holds the recordings: src/t00.wav .. t15.wav, src/v1_t00.wav .. v9_t03.wav, w3/t00.wav .. t63.wav (mono, 24 bit, 48 kHz),
ir/ir2.wav and ir/ir6.wav. peers.sh passes the folder that other programs render from, so that all do the same work; without
peers, make_material.py writes material of its own. FOLDER gets W1.mix.json and so on, and the impulse responses in the form that a
mix takes them. All numbers are rounded once, to 7 decimals, as the other programs are given them.
"""
import json, math, os, sys, wave

RATE, FRONT, RING = 48000, 30.0, [(-110, "Ls"), (-30, "L"), (0, "C"), (30, "R"), (110, "Rs"), (250, "Ls")]  # here negative is left
CHANNELS = ["L", "R", "C", "LFE", "Ls", "Rs"]
SEAT = {"L": 30.0, "R": -30.0, "C": 0.0, "Ls": 110.0, "Rs": -110.0}
DIALOGUE, MUSIC, EFFECTS, AMBIENCE = range(4)


def db(linear):
    """The level whose amplitude is `linear` after rounding to 7 decimals."""
    return 20 * math.log10(round(linear, 7))


class Strip:
    """One track's settings: the i-th of n. The first quarter is dialogue, then music, effects, ambience."""

    def __init__(self, i, n):
        self.i, self.kind = i, i * 4 // n
        self.gain_db = db(10 ** (((0, 1, -1.5, 2)[i % 4] + (0, -2, 0, 1)[self.kind] - (6 if n > 16 else 0)) / 20))
        self.send_db = db(10 ** ((-10 - i * 5 % 9) / 20))
        shelf = 0.70710678
        self.eq = [{"type": "lowshelf", "freq": 80 + 12 * (i % 5), "q": shelf, "gain_db": (-4.5, 3, -6, 2.5)[i % 4]},
                   {"type": "peak", "freq": 220 + 41 * (i % 7), "q": round(0.9 + 0.1 * (i % 5), 7), "gain_db": (-3, 2, -5, 4.5)[(i + 1) % 4]},
                   {"type": "peak", "freq": 1400 + 310 * (i % 6), "q": round(1.2 + 0.2 * (i % 3), 7), "gain_db": (2.5, -4, 3.5, -2)[(i + 2) % 4]},
                   {"type": "highshelf", "freq": 7000 + 500 * (i % 5), "q": shelf, "gain_db": (3, -3.5, 1.5, -6)[(i + 3) % 4]}]

    def stereo_azimuth(self):
        """L = cos(p pi/2), R = sin(p pi/2) is azimuth 30 - 60 p."""
        p = 0.5 if self.kind == DIALOGUE else self.i * 7 % 16 / 15
        return FRONT - 2 * FRONT * p

    def surround_gains(self):
        """{channel: gain}: the two loudspeakers beside the wanted direction share by cosine and sine."""
        wanted = {DIALOGUE: 0, MUSIC: (-30, 30, -15, 15)[self.i % 4], EFFECTS: self.i * 67 % 360 - 180,
                  AMBIENCE: (-110, 110, -70, 70)[self.i % 4]}[self.kind]
        if wanted < RING[0][0]:
            wanted += 360
        for (from_deg, first), (to_deg, second) in zip(RING, RING[1:]):
            if from_deg <= wanted <= to_deg:
                angle = (wanted - from_deg) / (to_deg - from_deg) * math.pi / 2
                return {c: g for c, g in ((first, round(math.cos(angle), 7)), (second, round(math.sin(angle), 7))) if g}

    def surround_azimuth(self):
        """The azimuth whose power-normalised 2-D VBAP gives surround_gains(): the direction of their vector sum."""
        x = sum(g * math.cos(math.radians(SEAT[c])) for c, g in self.surround_gains().items())
        y = sum(g * math.sin(math.radians(SEAT[c])) for c, g in self.surround_gains().items())
        return math.degrees(math.atan2(y, x))

    def has_lfe(self):
        return self.kind in (MUSIC, EFFECTS)

    def track(self, file, bus, azimuth, sends, **more):
        return {"name": f"t{self.i:02d}", "bus": bus, "clips": [{"file": file, "at": 0}], "eq": self.eq, "gain_db": self.gain_db,
                "pan": {"azimuth": azimuth}, "sends": sends, **more}


def read_wav24(path):
    """[channels] of bytes, 3 a sample."""
    with wave.open(path, "rb") as f:
        if (f.getsampwidth(), f.getframerate()) != (3, RATE):
            sys.exit(f"error: {path}: {8 * f.getsampwidth()} bit at {f.getframerate()} Hz; the material is 24 bit at {RATE} Hz")
        count, data = f.getnchannels(), f.readframes(f.getnframes())
    channels = []
    for c in range(count):
        one = bytearray(len(data) // count)
        for byte in range(3):
            one[byte::3] = data[3 * c + byte::3 * count]
        channels.append(bytes(one))
    return channels


def write_wav24(path, channels):
    width = 3 * len(channels)
    data = bytearray(len(channels[0]) * len(channels))
    for c, one in enumerate(channels):
        for byte in range(3):
            data[3 * c + byte::width] = one[byte::3]
    with wave.open(path, "wb") as f:
        f.setnchannels(len(channels)); f.setsampwidth(3); f.setframerate(RATE); f.writeframes(bytes(data))


def stereo_response(material, folder):
    """A stereo-input response (L>L, L>R, R>L, R>R) that keeps the sides apart."""
    left, right = read_wav24(f"{material}/ir/ir2.wav")
    silence = bytes(len(left))
    write_wav24(f"{folder}/ir2_true_stereo.wav", [left, silence, silence, right])
    return "ir2_true_stereo.wav"


def surround_responses(material, folder):
    """The material's six-channel response is heard channel by channel: six responses, each with one channel that is not silent."""
    channels = read_wav24(f"{material}/ir/ir6.wav")
    silence = bytes(len(channels[0]))
    for c, name in enumerate(CHANNELS):
        write_wav24(f"{folder}/ir6_{name}.wav", [one if c == other else silence for other, one in enumerate(channels)])
    return {name: f"ir6_{name}.wav" for name in CHANNELS}


def document(title, seconds, layout, buses, reverbs, tracks, versions=None, variables=None):
    out = {"dubfarm": 1, "title": title, "sample_rate": RATE, "frame_rate": "24", "length": seconds * RATE}
    if variables:
        out["variables"] = variables
    out |= {"buses": buses, "reverbs": reverbs, "tracks": tracks}
    if versions:
        out["versions"] = versions
    file = "dubfarm_{title}_{version}.wav" if versions else "dubfarm_{title}.wav"
    out["deliverables"] = [{"name": "mix", "layout": layout, "file": file, "bits": 24, "dither": "none"}]
    return out


def stereo_mix(title, material, folder, files, seconds):
    ir = stereo_response(material, folder)
    strips = [Strip(i, len(files)) for i in range(len(files))]
    tracks = [s.track(f, "MIX", s.stereo_azimuth(), [{"to": "Hall", "gain_db": s.send_db}]) for s, f in zip(strips, files)]
    return document(title, seconds, "stereo", [{"name": "MIX", "layout": "stereo"}],
                    [{"name": "Hall", "ir": ir, "bus": "MIX", "layout": "stereo", "input": "stereo"}], tracks)


def repeated_mix(title, material, folder, prefix, seconds, times, along):
    """W1 so many times: one after the other if `along`, else side by side."""
    files = [f"{prefix}src/t{i:02d}.wav" for i in range(16)]
    mix = stereo_mix(title, material, folder, files if along else times * files, times * seconds if along else seconds)
    frames = seconds * RATE
    for strip, track in enumerate(mix["tracks"]):
        track["clips"] = []
        for turn in range(times) if along else [strip // 16]:
            name, source = f"{title}_t{strip % 16:02d}_{turn}.wav", f"{material}/src/t{strip % 16:02d}.wav"
            if not os.path.lexists(f"{folder}/{name}"):
                os.symlink(source, f"{folder}/{name}")
            start, at = turn * (strip % 16 * 37 + 211) * RATE // 100 % frames, turn * frames if along else 0
            track["clips"].append({"file": name, "at": at, "in": start, "length": frames - start})
            if start:
                track["clips"].append({"file": name, "at": at + frames - start, "length": start})
    return mix


def surround_mix(title, material, folder, files, seconds):
    responses, tracks = surround_responses(material, folder), []
    for s, file in zip((Strip(i, len(files)) for i in range(len(files))), files):
        gains = s.surround_gains() | ({"LFE": 0.25} if s.has_lfe() else {})
        sends = [{"to": f"Hall {c}", "gain_db": s.send_db + 20 * math.log10(g)} for c, g in gains.items()]
        more = {"lfe_db": 20 * math.log10(0.25)} if s.has_lfe() else {}
        tracks.append(s.track(file, "MIX", s.surround_azimuth(), sends, **more))
    reverbs = [{"name": f"Hall {c}", "ir": ir, "bus": "MIX", "layout": "5.1"} for c, ir in responses.items()]
    return document(title, seconds, "5.1", [{"name": "MIX", "layout": "5.1"}], reverbs, tracks)


def versions_mix(title, material, folder, prefix, seconds):
    """Own tracks and shared tracks on a bus each, with a reverb each of one response: the same sum, since all of it is linear."""
    ir, tracks = stereo_response(material, folder), []
    for s in (Strip(i, 16) for i in range(16)):
        own = s.i < 4
        file = f"{prefix}src/{{take}}t{s.i:02d}.wav" if own else f"{prefix}src/t{s.i:02d}.wav"
        tracks.append(s.track(file, "DX" if own else "ME", s.stereo_azimuth(), [{"to": "Hall DX" if own else "Hall ME", "gain_db": s.send_db}]))
    reverbs = [{"name": f"Hall {b}", "ir": ir, "bus": b, "layout": "stereo", "input": "stereo"} for b in ("DX", "ME")]
    versions = [{"name": f"v{v}", "set": {"take": f"v{v}_" if v else ""}} for v in range(10)]
    return document(title, seconds, "stereo", [{"name": b, "layout": "stereo"} for b in ("DX", "ME")], reverbs, tracks, versions, {"take": ""})


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    folder, material = sys.argv[1], os.path.abspath(sys.argv[2])
    os.makedirs(folder, exist_ok=True)
    prefix = os.path.relpath(material, folder) + "/"
    for name in sys.argv[3:]:
        files = [f"{prefix}src/t{i:02d}.wav" for i in range(16)]
        if name == "W3":
            files = [f"{prefix}w3/t{i:02d}.wav" for i in range(64)]
        with wave.open(os.path.join(folder, files[0]), "rb") as f:
            seconds = f.getnframes() // RATE
        if name in ("W1", "W3"):
            mix = stereo_mix(name, material, folder, files, seconds)
        elif name == "W2":
            mix = surround_mix(name, material, folder, files, seconds)
        elif name[:3] in ("W1x", "W1t") and name[3:].isdecimal() and int(name[3:]) > 1:
            mix = repeated_mix(name, material, folder, prefix, seconds, int(name[3:]), name[2] == "x")
        elif name == "W4":
            mix = versions_mix(name, material, folder, prefix, seconds)
        else:
            sys.exit(f"error: no workload {name}; there are W1, W2, W3, W4, W1xN and W1tN")
        with open(f"{folder}/{name}.mix.json", "w", encoding="utf-8") as out:
            json.dump(mix, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
