#!/usr/bin/env python3
"""Writes a film mix of 64 tracks, and what becomes of it: film_mix.py FOLDER [--data DATA] [--minutes N] [--languages N] [--recuts N]

DATA holds recordings in folders: dialogue/<language>/, effects/, ambience/, music/, ir/ (WAV or FLAC). Without it, noise in their place is
written to FOLDER/made. FOLDER gets

film.mix.json       one language, to 5.1 and stereo: dialogue on 12 tracks (a fifth of the time), effects on 28, foley on 8, ambience on 8
                    (scene by scene), music on 8; EQ, moving levels, pans; a room on dialogue and foley, a plate on effects
film.line.mix.json  the same, one line of dialogue replaced by another recording
film.recut.mix.json the same after a re-cut with 12 edits: stretches lifted, moved and inserted
film.langs.mix.json the same in many languages; only dialogue differs

The same bytes every time.
"""
import argparse, json, os, random, struct, sys, wave

RATE = 48000


def sound_info(path):
    """(channels, frames at 48 kHz) of a WAV or FLAC file, by its header."""
    with open(path, "rb") as f:
        head = f.read(65536)
    if head[:4] == b"fLaC":
        bits = int.from_bytes(head[18:26], "big")  # 20 bits rate, 3 channels - 1, 5 depth - 1, 36 samples
        rate, channels, frames = bits >> 44, (bits >> 41 & 7) + 1, bits & (1 << 36) - 1
    else:
        at = 12
        while head[at:at + 4] != b"fmt ":
            at += 8 + (struct.unpack_from("<I", head, at + 4)[0] + 1 & ~1)
        channels, rate, _, block = struct.unpack_from("<HIIH", head, at + 10)
        while head[at:at + 4] != b"data":
            at += 8 + (struct.unpack_from("<I", head, at + 4)[0] + 1 & ~1)
        frames = struct.unpack_from("<I", head, at + 4)[0] // block
    return channels, frames * RATE // rate


class Sounds:
    """The recordings below one folder, by their kind."""

    def __init__(self, root, folder):
        self.root, self.folder, self.info = root, folder, {}

    def below(self, kind, channels=None, seconds=0.3):
        found = []
        base = os.path.join(self.root, kind)
        for where, _, names in sorted(os.walk(base)):
            for name in sorted(names):
                if name.endswith((".wav", ".flac")):
                    path = os.path.relpath(os.path.join(where, name), self.folder)
                    self.info[path] = sound_info(os.path.join(where, name))
                    if self.info[path][1] >= seconds * RATE and channels in (None, self.info[path][0]):
                        found.append(path)
        if not found:
            sys.exit(f"error: no sounds below {base}")
        return found


def write_noise(path, channels, seconds, seed, decay=False):
    if os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    count, source = int(seconds * RATE), random.Random(seed)
    samples = struct.unpack(f"<{count * channels}h", source.randbytes(2 * count * channels))
    if decay:
        samples = [int(s * 10 ** (-3 * (i // channels) / count) / 8) for i, s in enumerate(samples)]
    else:
        samples = [s >> 3 for s in samples]
    with wave.open(path + ".partial", "wb") as f:
        f.setnchannels(channels); f.setsampwidth(2); f.setframerate(RATE); f.writeframes(struct.pack(f"<{count * channels}h", *samples))
    os.replace(path + ".partial", path)


def make_sounds(root, languages):
    for n in range(languages):
        for line in range(4):
            write_noise(f"{root}/dialogue/l{n:02d}/line{line}.wav", 1, 2 + line, 100 * n + line)
    for n in range(24):
        write_noise(f"{root}/effects/hit{n:02d}.wav", 1 + n % 2, 0.5 + n % 7, 10000 + n)
    for n in range(4):
        write_noise(f"{root}/ambience/air{n}.wav", 2, 40, 20000 + n)
        write_noise(f"{root}/music/cue{n}.wav", 2, 45, 30000 + n)
    write_noise(f"{root}/ir/room_stereo.wav", 2, 0.6, 1, decay=True)
    write_noise(f"{root}/ir/plate_stereo.wav", 2, 3, 2, decay=True)


def eq(source):
    return [{"type": "highpass", "freq": source.choice((60, 80, 100))},
            {"type": "peak", "freq": source.randint(200, 800), "q": 1.2, "gain_db": source.choice((-4, -2, 2))},
            {"type": "peak", "freq": source.randint(1500, 5000), "q": 1.4, "gain_db": source.choice((-3, 2, 3))},
            {"type": "highshelf", "freq": 9000, "gain_db": source.choice((-2, 1, 2))}]


def rides(source, length, db):
    """A fader that moves now and then and holds in between."""
    points, at, level = [[0, db]], 0, db
    while True:
        at += source.randint(8, 40) * RATE
        if at + RATE >= length:
            return points
        points += [[at, level], [at + RATE, level := db + source.choice((-4, -2, 0, 2))]]


def film(sounds, length, languages):
    source = random.Random(1)
    by_language = {}
    for path in sounds.below("dialogue"):
        by_language.setdefault(os.path.basename(os.path.dirname(path)), []).append(path)
    names = sorted(by_language, key=lambda name: (name != "en", -len(by_language[name]), name))[:languages]
    shots, stereo = sounds.below("effects", 1), sounds.below("effects", 2, 0.2)
    airs, cues = sounds.below("ambience", None, 8), sounds.below("music", 2, 8)
    plates = [path for path in sounds.below("ir", 2) if "plate" in path or "plate" in os.path.basename(path)]
    rooms = [path for path in sounds.below("ir", 2) if path not in plates]
    tracks = {}

    def track(name, bus, layout, **more):
        tracks[name] = {"name": name, "bus": bus, "layout": layout, "clips": [], "eq": eq(source), **more}
        return tracks[name]["clips"]

    dialogue = [track(f"DX {n}", "DX", "mono", gain_db=-3, sends=[{"to": "Room", "gain_db": -14}]) for n in range(12)]
    effects = [track(f"FX {n}", "FX", "mono", gain_db=-8, pan=source.randint(-150, 150), sends=[{"to": "Plate", "gain_db": -12}]) for n in range(20)]
    effects2 = [track(f"FX2 {n}", "FX", "stereo", gain_db=-8, sends=[{"to": "Plate", "gain_db": -14}]) for n in range(8)]
    foley = [track(f"FOL {n}", "FX", "mono", gain_db=-16, pan=source.randint(-30, 30), sends=[{"to": "Room FX", "gain_db": -12}]) for n in range(8)]
    air = [track(f"AMB {n}", "AMB", "stereo", gain_db=rides(source, length, -14)) for n in range(8)]
    music = [track(f"MX {n}", "MX", "stereo", gain_db=rides(source, length, -12)) for n in range(8)]

    def place(clips, path, at, seconds=None, mono=False, fade="0s"):
        channels, frames = sounds.info[path]
        wanted = min(frames, int(seconds * RATE)) if seconds else frames
        wanted = min(wanted, length - at)
        if wanted < RATE // 5:
            return at
        clip = {"file": path, "at": at, "in": source.randint(0, frames - wanted), "length": wanted,
                "fade_in": {"length": min(wanted // 3, fade)}, "fade_out": {"length": min(wanted // 3, fade)}}
        if channels == 1 and not mono:
            clip["channels"] = [1, 1]
        elif channels > 1 and mono:
            clip["channels"] = [1]
        clips.append(clip)
        return at + wanted

    at = lines = 0
    while at < length:  # scene by scene
        scene = source.randint(8, 40) * RATE
        for n in source.sample(range(8), 3):
            path = source.choice(airs)
            for piece in range(at, at + scene, 8 * RATE):  # ambiences are laid in pieces that cross-fade
                place(air[n], path, piece, min(9, (at + scene - piece) / RATE + 0.5), fade=RATE // 2)
        talk = source.random() < 0.6
        when = at + RATE // 2
        while talk and when < at + scene - 3 * RATE:
            clips = source.choice(dialogue)
            if lines_end(clips) <= when:
                clips.append({"file": f"{{line{lines % 4}}}", "at": when, "fade_in": {"length": 480}, "fade_out": {"length": 480}})
                lines += 1
            when += int(source.uniform(3, 9) * RATE)
        for _ in range(scene // RATE // 2):
            begin = at + int(source.random() * scene)
            if source.random() < 0.6:
                place(source.choice(effects), source.choice(shots), begin, 6, mono=True, fade=240)
            else:
                place(source.choice(effects2), source.choice(stereo), begin, 6, fade=240)
            if begin < length:
                place(source.choice(foley), source.choice(shots), begin, 1.5, mono=True, fade=240)
        if source.random() < 0.5:
            for n in source.sample(range(8), 3):
                place(music[n], source.choice(cues), at, scene / RATE, fade=RATE // 4)
        at += scene
    for t in tracks.values():  # what the ear would call one sound is one clip at a time
        t["clips"].sort(key=lambda clip: clip["at"])
    document = {
        "dubfarm": 1, "title": "Film", "sample_rate": RATE, "frame_rate": "24", "start": "01:00:00:00", "length": length,
        "variables": {f"line{n}": by_language[names[0]][n % len(by_language[names[0]])] for n in range(4)},
        "buses": [{"name": "DX", "layout": "5.1", "role": "dialogue"}, {"name": "MX", "layout": "stereo", "role": "music"},
                  {"name": "FX", "layout": "5.1", "role": "effects"}, {"name": "AMB", "layout": "stereo", "role": "ambience"}],
        "reverbs": [{"name": "Room", "ir": rooms[0], "bus": "DX", "layout": "stereo"}, {"name": "Room FX", "ir": rooms[0], "bus": "FX", "layout": "stereo"},
                    {"name": "Plate", "ir": plates[0], "bus": "FX", "layout": "stereo", "predelay": "20ms"}],
        "tracks": list(tracks.values()),
        "versions": [{"name": names[0]}],
        "deliverables": [{"name": "51", "layout": "5.1", "file": "{version}/51.wav"}, {"name": "20", "layout": "stereo", "file": "{version}/20.wav"}]}
    versions = [{"name": name, "set": {f"line{n}": by_language[name][n % len(by_language[name])] for n in range(4)}} for name in names]
    return document, versions


def lines_end(clips):
    return clips[-1]["at"] + 8 * RATE if clips else 0


def recut(document, keep):
    """What is left of a document when only the stretches [(old, length), ...] are kept, in this order; None for old: a hole."""
    out = json.loads(json.dumps(document))
    fade = RATE // 200
    new, events = 0, []
    for old, length in keep:
        if old is not None:
            events.append((new, old, length))
        new += length
    out["length"] = new
    for track in out["tracks"]:
        clips, track["clips"] = track["clips"], []
        for clip in clips:
            length = clip.get("length")
            for new, old, span in events:
                begin = max(clip["at"], old)
                end = old + span if length is None else min(clip["at"] + length, old + span)
                if length is None and not old <= clip["at"] < old + span:  # lines are not cut, they go with their beginning
                    continue
                if end - begin < 4 * fade:
                    continue
                piece = dict(clip, at=new + begin - old)
                if length is not None:
                    piece.update({"in": clip["in"] + begin - clip["at"], "length": end - begin})
                    if begin > clip["at"]:
                        piece["fade_in"] = {"length": fade}
                    if end < clip["at"] + length:
                        piece["fade_out"] = {"length": fade}
                    while piece["fade_in"]["length"] + piece["fade_out"]["length"] > piece["length"]:
                        piece["fade_in"], piece["fade_out"] = {"length": fade}, {"length": fade}
                track["clips"].append(piece)
        track["clips"].sort(key=lambda clip: clip["at"])
        if isinstance(track["gain_db"], list):
            track["gain_db"] = recut_points(track["gain_db"], events)
    return out


def recut_points(points, events):
    """Automation moved with what it rules; a jump over one frame where two stretches meet."""
    out = []
    for new, old, span in events:
        inside = [p for p in points if old <= p[0] <= old + span - 1]
        for edge in (old, old + span - 1):
            if all(p[0] != edge for p in inside):
                inside.append([edge, value_at(points, edge)])
        out += [[new + at - old, value] for at, value in sorted(inside)]
    return out


def value_at(points, at):
    if at <= points[0][0]:
        return points[0][1]
    for (a, x), (b, y) in zip(points, points[1:]):
        if at <= b:
            return x if x == y else x + (y - x) * (at - a) / (b - a)
    return points[-1][1]


def twelve_edits(length):
    """Nine lifts of 1 frame to 12 s, two scenes that change places, one insert: what is kept, in the new order."""
    part = length // 13
    pieces = [(i * part, part) for i in range(13)]
    lifts = (0.5, 1 / 24, 3, 12, 1, 2.25, 6, 1 / 24, 4)
    for i, seconds in enumerate(lifts):
        pieces[i + 1] = (pieces[i + 1][0] + int(seconds * RATE), part - int(seconds * RATE))
    return pieces[:10] + [(None, 5 * RATE)] + [pieces[11], pieces[10], pieces[12]]


def edits_by_chance(length, seed, count=12):
    """`count` places where something is lifted, inserted, or taken elsewhere: what is kept, in the new order."""
    source, pieces, at = random.Random(seed), [], 0
    for cut in sorted(source.randrange(5 * RATE, length - 30 * RATE) // 2000 * 2000 for _ in range(count)):
        what = source.choice(("lift", "lift", "lift", "insert", "move"))
        if cut <= at:
            continue
        pieces.append((at, cut - at))
        at = cut
        if what == "lift":
            at += int(source.choice((1 / 24, 0.5, 1, 2, 3, 5, 8, 12)) * RATE)
        elif what == "insert":
            pieces.append((None, int(source.choice((1 / 24, 1, 2, 5)) * RATE)))
        else:
            span = int(source.uniform(4, 12) * RATE) // 2000 * 2000
            pieces.insert(source.randrange(len(pieces) + 1), (at, span))
            at += span
    return pieces + [(at, length - at)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder"); options.add_argument("--data")
    options.add_argument("--minutes", type=float, default=20); options.add_argument("--languages", type=int, default=40)
    options.add_argument("--recuts", type=int, default=0, help="further re-cuts with 12 edits by chance: film.recut1.mix.json and so on")
    options = options.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    root = options.data or f"{options.folder}/made"
    if not options.data:
        make_sounds(root, options.languages)
    document, versions = film(Sounds(root, options.folder), int(options.minutes * 60) * RATE, options.languages)

    def write(name, what):
        with open(f"{options.folder}/{name}.mix.json", "w", encoding="utf-8") as out:
            json.dump(what, out, indent=1); out.write("\n")

    write("film", document)
    write("film.langs", document | {"versions": versions})
    write("film.recut", recut(document, twelve_edits(document["length"])))
    for seed in range(1, options.recuts + 1):
        write(f"film.recut{seed}", recut(document, edits_by_chance(document["length"], seed)))
    line = json.loads(json.dumps(document))
    lines = max((t["clips"] for t in line["tracks"] if t["name"].startswith("DX")), key=len)
    clip = lines[len(lines) // 2]
    clip["file"] = next(f"{{line{n}}}" for n in range(4) if f"{{line{n}}}" != clip["file"])
    write("film.line", line)


if __name__ == "__main__":
    main()
