"""What the user's conda configuration says about channels, proxies and folders."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envkit.errors import EnvkitError

ALIAS = "https://conda.anaconda.org"
# What conda puts in the place of the name "defaults".
_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
_LISTS = ("channels", "envs_dirs", "default_channels")
_MAPS = ("custom_channels", "custom_multichannels", "mirrored_channels", "proxy_servers")
# conda's own older or shorter names, and the variables that stand for a setting.
_ALSO_CALLED = {"envs_path": "envs_dirs", "channels_alias": "channel_alias", "verify_ssl": "ssl_verify"}
_VARIABLES = {
    "CONDA_CHANNELS": ("channels", ","),
    "CONDA_ENVS_PATH": ("envs_dirs", os.pathsep),
    "CONDA_ENVS_DIRS": ("envs_dirs", os.pathsep),
    "CONDA_CHANNEL_ALIAS": ("channel_alias", ""),
    "CONDA_CHANNEL_PRIORITY": ("channel_priority", ""),
    "CONDA_SSL_VERIFY": ("ssl_verify", ""),
}


@dataclass(frozen=True, kw_only=True)
class CondaConfiguration:
    """The settings that decide where packages come from and where environments go; empty as conda's own defaults."""

    channels: tuple[str, ...] = ()
    """Channels that the user named, most important first; () leaves it at conda's own."""
    channel_alias: str = ALIAS
    channel_priority: str = "flexible"
    default_channels: tuple[str, ...] = _DEFAULTS
    custom_channels: Mapping[str, str] = field(default_factory=dict)
    custom_multichannels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mirrored_channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    proxy_servers: Mapping[str, str] = field(default_factory=dict)
    ssl_verify: bool = True
    add_pip: bool = True
    """Whether Python brings pip with it."""
    envs_dirs: tuple[str, ...] = ()

    def locate(self, channel: str) -> tuple[str, ...]:
        """Return the URLs that a channel's name stands for; a URL or a path stands for itself."""
        if "://" in channel:
            return (channel,)
        if channel.startswith(("/", "./", "../", "~")) or Path(channel).is_absolute():
            return (Path(channel).expanduser().absolute().as_uri(),)
        if channel in self.mirrored_channels:
            return self.mirrored_channels[channel]
        if channel in self.custom_multichannels:
            return tuple(url for part in self.custom_multichannels[channel] for url in self.locate(part))
        if channel == "defaults":
            return tuple(url for part in self.default_channels for url in self.locate(part))
        base = self.custom_channels.get(channel) or self.custom_channels.get(channel.partition("/")[0])
        return (f"{(base or self.channel_alias).rstrip('/')}/{channel}",)


def read_configuration(variables: Mapping[str, str] = os.environ) -> CondaConfiguration:
    """Return the settings of every configuration file that conda would read, and of conda's variables.

    Raise `EnvkitError` for a file that is there and cannot be read.
    """
    merged: dict[str, Any] = {}
    for path in find_files(variables):
        merged = _merge(merged, _read(path))
    return _settings(_merge(merged, _from_variables(variables)))


def find_files(variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield the configuration files that are there, least important first, in conda's own order."""
    home = Path(variables.get("HOME") or Path.home())
    system = map(Path, ("C:/ProgramData/conda",) if sys.platform == "win32" else ("/etc/conda", "/var/lib/conda"))
    personal = (Path(variables.get("XDG_CONFIG_HOME") or home / ".config") / "conda", home / ".conda")
    roots = [Path(variables[name]) for name in ("CONDA_ROOT", "MAMBA_ROOT_PREFIX") if variables.get(name)]
    for folder in (*system, *roots, *personal):
        yield from _in_folder(folder)
    yield from filter(Path.is_file, (home / ".condarc", home / ".mambarc"))
    if variables.get("CONDA_PREFIX"):
        yield from _in_folder(Path(variables["CONDA_PREFIX"]))
    for name in ("CONDARC", "MAMBARC"):
        if variables.get(name) and Path(variables[name]).is_file():
            yield Path(variables[name])


def _in_folder(folder: Path) -> Iterator[Path]:
    yield from filter(Path.is_file, (folder / ".condarc", folder / "condarc"))
    yield from sorted(path for path in folder.glob("condarc.d/*") if path.suffix in (".yml", ".yaml"))


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as refusal:
        why = " ".join(str(refusal).split())
        raise EnvkitError(f"conda's configuration `{path}` cannot be read: {why}", exit_code=1) from None
    if not isinstance(found, dict):
        return {}
    return {_ALSO_CALLED.get(str(name), str(name)): _expand(value) for name, value in found.items()}


def _expand(value: Any) -> Any:
    """Put variables into every text, as conda does."""
    if isinstance(value, str):
        return os.path.expandvars(value)
    if isinstance(value, list):
        return [_expand(part) for part in value]
    if isinstance(value, dict):
        return {str(name): _expand(part) for name, part in value.items()}
    return value


def _merge(less: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return both, the more important one first in lists and winning elsewhere."""
    merged = {**less, **more}
    for name in _LISTS:
        if name in less and name in more:
            merged[name] = list(dict.fromkeys((*_texts(more[name]), *_texts(less[name]))))
    for name in _MAPS:
        if isinstance(less.get(name), dict) and isinstance(more.get(name), dict):
            merged[name] = {**less[name], **more[name]}
    return merged


def _from_variables(variables: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, (name, separator) in _VARIABLES.items():
        text = variables.get(variable, "").strip()
        if text:
            found[name] = [part.strip() for part in text.split(separator)] if separator else text
    return found


def _settings(found: Mapping[str, Any]) -> CondaConfiguration:
    channels = _texts(found.get("channels"))
    return CondaConfiguration(
        channels=tuple(channel for channel in channels if channel != "nodefaults"),
        channel_alias=str(found.get("channel_alias") or ALIAS),
        channel_priority=_priority(found.get("channel_priority")),
        default_channels=_texts(found.get("default_channels")) or _DEFAULTS,
        custom_channels={name: str(url) for name, url in _map(found, "custom_channels").items()},
        custom_multichannels={name: _texts(urls) for name, urls in _map(found, "custom_multichannels").items()},
        mirrored_channels={name: _texts(urls) for name, urls in _map(found, "mirrored_channels").items()},
        proxy_servers={name: str(url) for name, url in _map(found, "proxy_servers").items() if url},
        ssl_verify=str(found.get("ssl_verify", True)).lower() not in ("false", "no", "off", "0"),
        add_pip=found.get("add_pip_as_python_dependency") is not False,
        envs_dirs=_texts(found.get("envs_dirs")),
    )


def _priority(value: Any) -> str:
    """Return "strict", "flexible" or "disabled"; old files say true or false."""
    text = str(value).lower()
    return {"true": "flexible", "false": "disabled"}.get(text, text if text in ("strict", "disabled") else "flexible")


def _map(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(part) for part in value) if isinstance(value, list | tuple) else ()
