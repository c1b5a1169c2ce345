"""Random machines and wishes against a slow oracle that tries every build with rules of its own."""

from hypothesis import given, settings
from hypothesis import strategies as st

from envkit import matrix as shipped
from envkit.planning.decide import plan
from envkit.planning.installs import pip_installs
from envkit.planning.model import ImpossibleError, Request
from envkit.snapshot import Absent, Nvml, NvmlDevice
from tests.builders import make_host, make_interpreter, make_snapshot

MATRIX = shipped.load()
RELEASES = MATRIX.torch.releases()
BUILDS = MATRIX.torch.builds()
BACKENDS = sorted({build.backend for build in BUILDS if build.backend.startswith("cu")})
PLATFORMS = {
    ("linux", "x86_64"): "linux-x86_64",
    ("linux", "aarch64"): "linux-aarch64",
    ("macos", "arm64"): "macos-arm64",
    ("macos", "x86_64"): "macos-x86_64",
    ("windows", "x86_64"): "win-amd64",
    ("windows", "arm64"): "win-arm64",
}

hosts = st.fixed_dictionaries(
    {
        "system": st.sampled_from(sorted(PLATFORMS)),
        "wsl": st.sampled_from((0, 0, 0, 2)),
        "glibc": st.sampled_from(("2.12", "2.17", "2.27", "2.28", "2.39")),
        "python": st.sampled_from(("3.6", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.16")),
        "driver": st.one_of(
            st.none(),
            st.sampled_from(
                ("418.40", "451.48", "470.57.02", "525.60.13", "526.98", "535.104.05", "551.61", "580.65.06", "610.1")
            ),
        ),
        "gpus": st.lists(
            st.sampled_from(("3.0", "3.5", "3.7", "5.2", "6.1", "7.0", "7.5", "8.6", "8.9", "9.0", "10.0", "12.0")),
            max_size=3,
        ),
    }
)
wishes = st.fixed_dictionaries(
    {
        "torch": st.one_of(st.none(), st.sampled_from((*RELEASES, "9.9.9"))),
        "cuda": st.one_of(
            st.none(), st.sampled_from(("auto", "cpu", "12.7", *(f"{b[2:-1]}.{b[-1]}" for b in BACKENDS)))
        ),
    }
)


def make_machine(host):
    os, arch = host["system"]
    devices = tuple(
        NvmlDevice(index=index, name=f"GPU {index}", compute_capability=capability)
        for index, capability in enumerate(host["gpus"])
    )
    driver = Nvml(error=0, driver_version=host["driver"], devices=devices)
    return make_snapshot(
        host=make_host(
            os=os,
            arch=arch,
            libc=f"glibc {host['glibc']}" if os == "linux" else "",
            wsl=host["wsl"] if os == "linux" else 0,
        ),
        target=make_interpreter(version=f"{host['python']}.1"),
        nvml=driver if host["driver"] else Absent(why="no library"),
    )


# -- the oracle ---------------------------------------------------------------------------------


def as_numbers(version):
    return tuple(int(part) for part in version.split("."))


def cuda_of(backend):
    return f"{backend[2:-1]}.{backend[-1]}" if backend.startswith("cu") else ""


def runs(arch, capability):
    kind, digits = arch.split("_")
    digits = digits.rstrip("af")
    built, have = (int(digits[:-1]), int(digits[-1])), as_numbers(capability)
    return built <= have if kind == "compute" else built[0] == have[0] and built[1] <= have[1]


def gpus_served(build, host):
    if not build.backend.startswith("cu"):
        return 0
    return sum(any(runs(arch, gpu) for arch in build.archs or ()) for gpu in host["gpus"])


def driver_allows(build, host):
    windows = host["system"][0] == "windows" or (host["system"][0] == "linux" and host["wsl"])
    least = MATRIX.cuda.minimum_driver(cuda_of(build.backend), "windows" if windows else "linux")
    return least is not None and as_numbers(host["driver"]) >= as_numbers(least)


def uses(build):
    """What a build can be chosen for: one wheel serves CPU and GPU of a Mac."""
    return ("mps", "cpu") if build.backend == "mps" else (build.backend,)


def is_possible(build, use, host, wish):
    asked = wish["cuda"] not in (None, "auto")
    if build.platform != PLATFORMS[host["system"]] or not use.startswith(("cpu", "mps", "cu")):
        return False
    if wish["torch"] not in (None, build.torch) or host["python"] not in build.pythons:
        return False
    if asked and use != ("cpu" if wish["cuda"] == "cpu" else "cu" + wish["cuda"].replace(".", "")):
        return False
    if build.min_glibc and as_numbers(host["glibc"]) < as_numbers(build.min_glibc):
        return False
    if not use.startswith("cu"):
        return True
    if host["driver"] and not driver_allows(build, host):
        return False
    if not host["driver"] or not host["gpus"]:
        return asked
    return asked if build.archs is None else gpus_served(build, host) > 0


def best_choices(host, wish):
    """Every choice that nothing is better than: (torch, backend)."""
    possible = {(build, use) for build in BUILDS for use in uses(build) if is_possible(build, use, host, wish)}

    def worth(choice):
        build, use = choice
        known = gpus_served(build, host) if build.archs is not None or not use.startswith("cu") else len(host["gpus"])
        return (
            known if host["driver"] else 0,
            use == "mps",
            build.torch == MATRIX.torch.tested,
            as_numbers(build.torch),
            as_numbers(cuda_of(use) or "0"),
        )

    top = max(map(worth, possible), default=None)
    return {(build.torch, use) for build, use in possible if worth((build, use)) == top}


# -- the properties -----------------------------------------------------------------------------


def decide(host, wish):
    try:
        return plan(Request(**wish), make_machine(host), MATRIX)
    except ImpossibleError as refusal:
        return refusal


@settings(max_examples=1000, deadline=None)
@given(hosts, wishes)
def test_every_plan_is_the_best_that_is_possible_and_every_refusal_is_right(host, wish):
    answer = decide(host, wish)

    best = best_choices(host, wish)
    if isinstance(answer, ImpossibleError):
        assert best == set()
    else:
        assert (answer.torch, answer.backend) in best


@settings(max_examples=300, deadline=None)
@given(hosts, wishes)
def test_what_a_refusal_offers_can_be_had(host, wish):
    answer = decide(host, wish)

    for offer in answer.nearest if isinstance(answer, ImpossibleError) else ():
        wish_for_it = {"torch": offer.torch, "cuda": cuda_of(offer.backend) or "cpu"}
        assert (offer.torch, offer.backend.replace("mps", "cpu")) in best_choices(
            {**host, "python": offer.python}, wish_for_it
        )


@settings(max_examples=300, deadline=None)
@given(hosts, wishes)
def test_an_install_names_its_build_beyond_doubt(host, wish):
    answer = decide(host, wish)

    if isinstance(answer, ImpossibleError):
        return
    installs = pip_installs(answer)
    if answer.index is None:
        assert [step[0] for step in installs] == [f"torch=={answer.torch}"]
    else:
        pinned = f"torch=={answer.torch}+{answer.backend}"
        assert installs[0] == ("--no-deps", "--index-url", answer.index, pinned)
        assert installs[1][0] == pinned
