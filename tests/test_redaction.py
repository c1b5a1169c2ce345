"""What is private goes, what the doctor needs stays, and what is redacted stays as it is."""

import string
from itertools import product
from time import perf_counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit import matrix
from envkit.checks import diagnose
from envkit.intake.recorded import read
from envkit.redaction import Names, Redactor, redact
from envkit.snapshot import NvmlDevice, Snapshot
from tests.builders import make_gpu_snapshot, make_host, make_interpreter, make_nvml, make_runtime, make_snapshot
from tests.render.test_terminal import REPORTS, SNAPSHOTS

UUID = "8932f937-d72c-4106-c12f-20bd9faed9f6"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/home/alice/env/bin/python", "/home/<user-1>/env/bin/python"),
        ("/data/home/alice/x", "/data/home/<user-1>/x"),
        ("PATH=/usr/bin:/home/alice/bin", "PATH=/usr/bin:/home/<user-1>/bin"),
        ("/Users/alice/Library and alice", "/Users/<user-1>/Library and <user-1>"),
        (r"C:\Users\Max Muster\env\x.dll", r"C:\Users\<user-1>\env\x.dll"),
        (r"'C:\\Users\\bob\\x.py'", r"'C:\\Users\\<user-1>\\x.py'"),
        ("/mnt/c/Users/bob/x", "/mnt/c/Users/<user-1>/x"),
        ("file:///home/bob/x", "file:///home/<user-1>/x"),
        ("(base) bob@ws17:~/p$ python; ws17.example.org", "(base) <user-1>@<host-1>:~/p$ python; <host-1>"),
        ("[bob@ws17 p]$ ls", "[<user-1>@<host-1> p]$ ls"),
        ("bob@10.1.2.3: refused", "<user-1>@<ip-1>: refused"),
        ("ssh -p 22 bob@ws17 nvidia-smi", "ssh -p 22 <user-1>@<host-1> nvidia-smi"),
        ("node17:1234:5678 [0] NCCL INFO on node17", "<host-1>:1234:5678 [0] NCCL INFO on <host-1>"),
        ("srun: error: node17: task 0: Exited", "srun: error: <host-1>: task 0: Exited"),
        ("failed to connect to [node17.cluster]:29500", "failed to connect to [<host-1>]:29500"),
        ("  host      : node17.cluster.example", "  host      : <host-1>"),
        (r"found at \\fileserver\share\x.dll", r"found at \\<host-1>\share\x.dll"),
        ("Linux ws17 5.15.0-91-generic #101 x86_64", "Linux <host-1> 5.15.0-91-generic #101 x86_64"),
        ("Nov 25 10:00:00 ws17 kernel: NVRM: Xid", "Nov 25 10:00:00 <host-1> kernel: NVRM: Xid"),
        ("http://bob:hunter2hunter@proxy:3128", "http://<secret-1>@<host-1>:3128"),
        ("http://bob:hun/ter@two@proxy:3128", "http://<secret-1>@<host-1>:3128"),
        ("https://x.org/t/abc-def-123/channel", "https://x.org/t/<secret-1>/channel"),
        ("https://x.org/?token=abc&a=1", "https://x.org/?token=<secret-1>&a=1"),
        ("git+ssh://git@github.com/a/b", "git+ssh://git@github.com/a/b"),
        ("export HF_TOKEN='two words'", "export HF_TOKEN='<secret-1>'"),
        ('{"password": "hunter2"}', '{"password": "<secret-1>"}'),
        (r'{\"api_key\": \"hunter2\"}', r"{\"api_key\": \"<secret-1>\"}"),
        ("tool --password hunter2 --x", "tool --password <secret-1> --x"),
        ("MYAPP_DB_PASS=hunter2;", "MYAPP_DB_PASS=<secret-1>;"),
        ("Authorization: Bearer abc.def.123456", "Authorization: Bearer <secret-1>"),
        (f"see {JWT}.", "see <secret-1>."),
        (f"a\n{PEM}\nb", "a\n<secret-1>\nb"),
        ("hf_abcdefghij ghp_0123456789 AKIAIOSFODNN7EXAMPLE", "<secret-1> <secret-2> <secret-3>"),
        ("glpat-abcdefghij nvapi-abcdefghij sk-abc1234567", "<secret-1> <secret-2> <secret-3>"),
        ("mail a.b+c@example.org now", "mail <email-1> now"),
        (f"UUID: GPU-{UUID}) GPU-8932f937", "UUID: GPU-<gpu-uuid-1>) GPU-<gpu-uuid-1>"),
        (f"MIG-GPU-{UUID}/1/0", "MIG-GPU-<gpu-uuid-1>/1/0"),
        ("Serial Number : 0324018012345", "Serial Number : <serial-1>"),
        ("link aa:bb:cc:0d:ee:ff and AA-BB-CC-0D-EE-F0", "link <mac-1> and <mac-2>"),
        ("to 10.1.2.3:4000 and 10.1.2.3", "to <ip-1>:4000 and <ip-1>"),
        ("[fe80::1ff:fe23:4567:890a%eth0] 2001:db8::1", "[<ip-1>%eth0] <ip-2>"),
    ],
)  # fmt: skip
def test_what_is_private_gets_a_placeholder(text: str, told: str) -> None:
    assert redact(text) == told
    assert redact(told) == told


@pytest.mark.parametrize(
    "text",
    [
        "cuda version 12.1.105.0, nvidia-cudnn-cu12==9.1.0.70, nvidia-cublas-cu12   12.1.3.1",
        "nvidia_cufft_cu12-10.9.0.58.dist-info requires torch>=10.0.0.1, libcudnn.so.9.1.0.70",
        "listening on 127.0.0.1:8080, 127.0.1.1, 0.0.0.0, localhost, ::1 and ::",
        "0000:01:00.0 and 00000000:65:00.0; c10::Error at::native::add std::bad_alloc 12:34:56",
        "KeyError: 'torch'; Missing key(s) in state_dict; unexpected token: x; TOKENIZERS_PARALLELISM=false",
        "/usr/lib/python3.11/site-packages/torch/lib/libtorch_cuda.so: undefined symbol",
        "https://download.pytorch.org/whl/cu121 https://github.com/pytorch/pytorch/home/page",
        "root: RuntimeError: CUDA error 802, driver 535.104.05, memcpy@GLIBC_2.14, pkg@1.2.3",
        "12345678-1234",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert redact(text) == text


def test_a_secret_that_is_told_as_one_once_is_found_wherever_it_stands() -> None:
    document = {
        "plugins": {"hunter2hunter": ["bob"], "ws17": {"10.1.2.3": 1}},
        "argv": ["tool", "--token", "short", "x"],
        "error": "ImportError: hunter2hunter at http://bob:hunter2hunter@ws17:80",
    }
    assert redact(document, Names(hosts=["ws17.example.org"])) == {
        "plugins": {"<secret-1>": ["<user-1>"], "<host-1>": {"<ip-1>": 1}},
        "argv": ["tool", "--token", "<secret-2>", "x"],
        "error": "ImportError: <secret-1> at http://<secret-3>@<host-1>:80",
    }


def test_a_secret_of_an_environment_variable_is_found_in_any_text() -> None:
    names = Names(secrets=["s3cr3t-value"], users=["zaphod"], homes=["/srv/people/zb", r"D:\Profiles\zb"])
    told = Redactor(names=names).text(
        r"s3cr3t-value of Zaphod in /srv/people/zb/x and d:\\profiles\\zb\\y, not /srv/people/zbx"
    )
    assert told == r"<secret-1> of <user-1> in /<home>/x and D:\<home>\\y, not /srv/people/zbx"


def test_the_fields_of_the_model_stay_whatever_a_user_is_called() -> None:
    fields = msgspec.json.decode(msgspec.json.encode(make_gpu_snapshot()))
    for name in ("pasted", "chosen_by", "complaints", "host", "taken"):
        assert _keys(redact(fields, Names(users=[name], hosts=[name]))) == _keys(fields)


def _keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _keys(one) for key, one in value.items() if key not in ("variables", "plugins")}
    return [_keys(one) for one in value] if isinstance(value, list) else None


# -- whatever stands around it -----------------------------------------------------------------------

WORDS = st.text(alphabet=string.ascii_lowercase + string.digits, min_size=8, max_size=14).map(lambda word: f"q{word}7")
NAMING = (
    "/home/{}/x.py", "C:\\Users\\{}\\x", "C:\\\\Users\\\\{}\\\\x", "https://u:{}@h.example/simple", "API_KEY={}",
    "export DB_PASSWORD='{}'", "--token {}", "bob@{}:~/p$", "Bearer {}", "password: {}", "HOSTNAME={}",
    "https://a.b/?token={}",
)  # fmt: skip
"""What tells that a word is private, wherever it stands."""
KINDS = (*NAMING, "hf_{}", "ghp_{}", "{}@example.org", "sk-{}", "glpat-{}")
AROUND = st.text(alphabet="abc .,:;/\n\"'()[]{}=-é", max_size=12).map(lambda text: f"{text} ")


@given(word=WORDS, kind=st.sampled_from(KINDS), before=AROUND, after=AROUND)
def test_no_planted_word_comes_out(word: str, kind: str, before: str, after: str) -> None:
    elsewhere = {word: {"list": [f"seen {word}."]}} if kind in NAMING else {}
    document = {"message": f"{before}{kind.format(word)} {after}", "plugins": elsewhere}
    told = redact(document)
    assert word not in str(told)
    assert redact(told) == told


PIECES = st.sampled_from([
    *(kind.format("ab1cd2ef") for kind in KINDS),
    "10.1.2.3", "fd12::1:2:3", "aa:bb:cc:0d:ee:ff", f"GPU-{UUID}", "GPU-8932f937", "zaphod", "ws17.example",
    "/srv/people/zb", "<user-3>", "<secret-1>", "<home>", "v1.2.3.4", r"\\server\share", "-u a:b", "ssh a@b", PEM, JWT,
    "http://a:b/c@d@e/f?token=x", "node1:1:2 [0] NCCL", "password is x", "TOKEN='a b", "://", "@", "=",
])  # fmt: skip
JOINED = st.tuples(st.lists(PIECES, max_size=5), st.sampled_from(["", " ", "\n", ":", "/", "@", "=", '"', "'"])).map(
    lambda told: told[1].join(told[0])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | JOINED,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10) | PIECES, inner, max_size=4),
    max_leaves=12,
)
HERE = Names(users=["zaphod"], homes=["/srv/people/zb"], hosts=["ws17.example"], secrets=["ab1cd2ef"])


@given(JSON)
def test_any_document_keeps_its_shape_and_a_second_time_changes_nothing(document: Any) -> None:
    told = redact(document, HERE)
    assert type(told) is type(document)
    assert redact(told, HERE) == told
    assert "ab1cd2ef" not in str(told)


@given(st.lists(st.sampled_from(["alice", "bob", "carol", "dave"]), min_size=1, max_size=8))
def test_a_name_has_one_placeholder_and_a_placeholder_one_name(users: list[str]) -> None:
    told = redact([f"/home/{user}/x" for user in users])
    pairs = set(zip(users, told, strict=True))
    assert len(pairs) == len(set(users)) == len(set(told))


@given(st.ip_addresses(v=4))
def test_every_address_goes_but_the_machine_s_own(address: Any) -> None:
    own = address.is_loopback or str(address) in ("0.0.0.0", "255.255.255.255")
    assert (str(address) in redact(f"connect to {address} failed")) == own


@pytest.mark.parametrize(
    "piece", ["a-", "A_", "://x", "a@", "/a", "KEY=", "1:", "password is ", "-----BEGIN PRIVATE KEY-----"]
)
def test_a_long_text_takes_no_time_to_speak_of(piece: str) -> None:
    began = perf_counter()
    redact(piece * (40_000 // len(piece)))
    assert perf_counter() - began < 10


# -- the same diagnosis ------------------------------------------------------------------------------

NAMES = Names(users=["user", "zaphod"], homes=["/srv/people/zaphod", "/env"], hosts=["ws17"], secrets=["s3cr3t-value"])
HIDDEN = NvmlDevice(index=0, name="NVIDIA A100-SXM4-80GB", uuid=f"GPU-{UUID}", compute_capability="8.0")
MACHINES = {
    **SNAPSHOTS,
    **{name: read(text.encode(), "report.txt") for name, text in REPORTS.items()},
    "hidden": make_gpu_snapshot(
        host=make_host(variables={"CUDA_VISIBLE_DEVICES": "GPU-8932f937"}), nvml=make_nvml(devices=(HIDDEN,))
    ),
    "hides": make_gpu_snapshot(
        host=make_host(variables={"CUDA_VISIBLE_DEVICES": "GPU-11111111"}), nvml=make_nvml(devices=(HIDDEN,))
    ),
    "at home": make_snapshot(
        target=make_interpreter(
            executable="/srv/people/zaphod/env/bin/python", prefix="/srv/people/zaphod/env", user_site_enabled=True,
            site_dirs=("/srv/people/zaphod/env/lib/python3.11/site-packages",),
            search_path=("/home/zaphod/p", "/srv/people/zaphod/env/lib/python3.11/site-packages"),
            current_folder="/home/zaphod/p",
        ),
        torch=make_runtime(own_modules={"random": "/home/zaphod/p/random.py"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
def test_a_redacted_machine_has_the_same_diagnosis(name: str) -> None:
    redacted = msgspec.convert(redact(msgspec.to_builtins(MACHINES[name]), NAMES), Snapshot)
    known = matrix.load()
    before, after = (diagnose(snapshot, known) for snapshot in (MACHINES[name], redacted))
    assert [one.code for one in after.findings] == [one.code for one in before.findings]
    assert after.verdict is before.verdict


@pytest.mark.parametrize(("secret", "place"), [*product(["zaphod", "s3cr3t-value"], ["why", "key", "tail"])])
def test_no_part_of_a_snapshot_is_passed_over(secret: str, place: str) -> None:
    changed = {
        "why": {"plugins": {"acme": [f"it is {secret}"]}},
        "key": {"plugins": {"acme": {secret: 1}}},
        "tail": {"torch": make_runtime(stderr=f"x\n{secret}\n")},
    }[place]
    assert secret not in str(redact(msgspec.to_builtins(make_snapshot(**changed)), NAMES))
