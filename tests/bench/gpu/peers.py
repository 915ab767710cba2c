#!/usr/bin/env python3
"""What other libraries take on this GPU for the same work, and how far from double precision they come: JSON on stdout.

EQ: 4 peaking bands in series over 64 channels of 10 s at 48 kHz (torchaudio lfilter, CuPy sosfilt, JAX associative scan); reverb: 8 sends of
60 s with a 4 s response to 6 outputs (torchaudio and CuPy). Whatever is not installed, or fails, is null with its reason. Error: the largest
difference from a double-precision filter on the CPU, in dBFS, for sines of 20, 33 and 60 Hz through a band at 40 Hz with Q 10.
"""
import json
import math
import sys
import time

RATE, CHANNELS, SECONDS = 48000, 64, 10
BANDS = ((80.0, 0.7, 3.0), (250.0, 1.4, -4.0), (2500.0, 2.0, 2.5), (9000.0, 0.9, -3.0))


def peak(frequency, q, gain_db):
    """Audio EQ Cookbook, peakingEQ: b, a with a[0] = 1."""
    a = 10 ** (gain_db / 40)
    w = 2 * math.pi * frequency / RATE
    alpha = math.sin(w) / (2 * q)
    b = [1 + alpha * a, -2 * math.cos(w), 1 - alpha * a]
    d = [1 + alpha / a, -2 * math.cos(w), 1 - alpha / a]
    return [x / d[0] for x in b], [x / d[0] for x in d]


def median_ms(run, wait, runs=10):
    times = []
    for i in range(runs + 2):
        wait()
        began = time.perf_counter()
        run()
        wait()
        if i >= 2:
            times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2] * 1e3


def low_sines():
    import numpy as np

    t = np.arange(4 * RATE) / RATE
    return np.stack([0.5 * np.sin(2 * np.pi * f * t) for f in (20.0, 33.0, 60.0)])


def exact(x):
    """The band at 40 Hz in double, direct form II transposed."""
    import numpy as np

    b, a = peak(40.0, 10.0, 6.0)
    s1 = np.zeros(len(x))
    s2 = np.zeros(len(x))
    out = np.empty_like(x)
    for n in range(x.shape[1]):
        v = x[:, n]
        y = b[0] * v + s1
        s1 = b[1] * v - a[1] * y + s2
        s2 = b[2] * v - a[2] * y
        out[:, n] = y
    return out


def error_db(got, want):
    import numpy as np

    worst = float(np.max(np.abs(np.asarray(got, dtype=np.float64) - want)))
    return None if worst == 0 else round(20 * math.log10(worst), 1)


def torchaudio_eq(dtype_name):
    import torch
    import torchaudio.functional as functional

    dtype = getattr(torch, dtype_name)
    x = (torch.rand(CHANNELS, RATE * SECONDS, device="cuda") - 0.5).to(dtype)
    filters = [tuple(torch.tensor(v, device="cuda", dtype=dtype) for v in peak(*band)) for band in BANDS]

    def run():
        y = x
        for b, a in filters:
            y = functional.lfilter(y, a, b, clamp=False)

    ms = median_ms(run, torch.cuda.synchronize, 3)
    sines = low_sines()
    b, a = (torch.tensor(v, device="cuda", dtype=dtype) for v in peak(40.0, 10.0, 6.0))
    got = functional.lfilter(torch.tensor(sines, device="cuda").to(dtype), a, b, clamp=False).cpu().numpy()
    return {"ms": ms, "gsamples_per_s": CHANNELS * RATE * SECONDS / ms / 1e6, "error_dbfs": error_db(got, exact(sines))}


def cupy_eq():
    import cupy
    from cupyx.scipy import signal

    x = cupy.random.rand(CHANNELS, RATE * SECONDS, dtype=cupy.float32) - 0.5
    sections = cupy.asarray([sum(peak(*band), []) for band in BANDS])
    ms = median_ms(lambda: signal.sosfilt(sections, x), cupy.cuda.Device().synchronize, 3)
    sines = low_sines()
    got = cupy.asnumpy(signal.sosfilt(cupy.asarray([sum(peak(40.0, 10.0, 6.0), [])]), cupy.asarray(sines.astype("float32"))))
    return {"ms": ms, "gsamples_per_s": CHANNELS * RATE * SECONDS / ms / 1e6, "error_dbfs": error_db(got, exact(sines))}


def jax_eq():
    import jax
    import jax.numpy as jnp

    coefficients = [peak(*band) for band in BANDS]

    def band(x, b, a):
        # The state as an affine map a sample: s' = M s + v, composed by an associative scan.
        m = jnp.array([[-a[1], 1.0], [-a[2], 0.0]], dtype=jnp.float32)
        v = jnp.stack([(b[1] - a[1] * b[0]) * x, (b[2] - a[2] * b[0]) * x], axis=-1)

        def join(one, two):
            return jnp.einsum("...ij,...jk->...ik", two[0], one[0]), jnp.einsum("...ij,...j->...i", two[0], one[1]) + two[1]

        _, s = jax.lax.associative_scan(join, (jnp.broadcast_to(m, (x.shape[-1], 2, 2)), v))
        return b[0] * x + jnp.concatenate([jnp.zeros(1, jnp.float32), s[:-1, 0]])

    def chain(x):
        for b, a in coefficients:
            x = band(x, b, a)
        return x

    run = jax.jit(jax.vmap(chain))
    x = jax.random.uniform(jax.random.PRNGKey(1), (CHANNELS, RATE * SECONDS)) - 0.5
    ms = median_ms(lambda: run(x).block_until_ready(), lambda: None, 3)
    sines = low_sines()
    b, a = peak(40.0, 10.0, 6.0)
    got = jax.jit(jax.vmap(lambda one: band(one, b, a)))(jnp.asarray(sines, dtype=jnp.float32))
    return {"ms": ms, "gsamples_per_s": CHANNELS * RATE * SECONDS / ms / 1e6, "error_dbfs": error_db(got, exact(sines))}


def torchaudio_reverb():
    import torch
    import torchaudio.functional as functional

    x = torch.rand(8, 1, 60 * RATE, device="cuda") - 0.5
    responses = torch.rand(8, 6, 4 * RATE, device="cuda") - 0.5
    return {"ms": median_ms(lambda: functional.fftconvolve(x.expand(8, 6, -1), responses), torch.cuda.synchronize, 3)}


def cupy_reverb():
    import cupy
    from cupyx.scipy import signal

    x = cupy.random.rand(60 * RATE, dtype=cupy.float32) - 0.5
    response = cupy.random.rand(4 * RATE, dtype=cupy.float32) - 0.5

    def run():
        for _ in range(48):
            signal.oaconvolve(x, response)

    return {"ms": median_ms(run, cupy.cuda.Device().synchronize, 3)}


def main():
    cases = {
        "eq torchaudio.lfilter float32": lambda: torchaudio_eq("float32"),
        "eq torchaudio.lfilter float64": lambda: torchaudio_eq("float64"),
        "eq cupyx sosfilt": cupy_eq,
        "eq jax associative_scan float32": jax_eq,
        "reverb torchaudio.fftconvolve": torchaudio_reverb,
        "reverb cupyx oaconvolve": cupy_reverb,
    }
    results = {}
    for name, case in cases.items():
        try:
            results[name] = case()
        except Exception as error:  # whatever a library that may not be there throws
            results[name] = {"not_run": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
    json.dump(results, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
