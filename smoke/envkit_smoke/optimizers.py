"""Momentum gradient descent, as torch computes it: by its function or by its class.

``torch.optim.SGD`` holds the parameters and calls ``torch.optim.sgd.sgd``, which computes. In torch 2, making
any optimizer object imports ``torch._dynamo`` and hundreds of modules with it (822 in 2.13): more than a
second, longer than all else that smoke does. The class is what people use and what must work; the function is
there for whoever is in a hurry.

How the update is computed is a choice of its own: one kernel after another for each parameter, the same for all
parameters at once (foreach), or all in one kernel (fused).
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Iterable

import torch
from torch.optim.sgd import sgd


class FunctionalSGD:
    """``torch.optim.SGD`` without its class: the same kernels in the same order, so the same bits."""

    def __init__(self, parameters: Iterable[torch.Tensor], lr: float, momentum: float) -> None:
        self.parameters = list(parameters)
        self.lr = lr
        self.momentum = momentum
        self.momenta: list[torch.Tensor | None] = [None] * len(self.parameters)

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move the parameters by the gradients that ``backward`` left."""
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        with torch.no_grad():
            sgd(
                list(self.parameters),
                gradients,
                self.momenta,
                weight_decay=0.0,
                momentum=self.momentum,
                lr=self.lr,
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )


class ClassSGD:
    """``torch.optim.SGD`` itself, with its momentum buffers in reach."""

    def __init__(self, parameters: Iterable[torch.Tensor], lr: float, momentum: float, **how: bool) -> None:
        self.parameters = list(parameters)
        self._optimizer = torch.optim.SGD(self.parameters, lr=lr, momentum=momentum, **how)
        self.zero_grad = self._optimizer.zero_grad
        self.step = self._optimizer.step

    @property
    def momenta(self) -> list[torch.Tensor | None]:
        """The momentum buffer of each parameter, None before the first step."""
        return [self._optimizer.state[parameter].get("momentum_buffer") for parameter in self.parameters]


class ForeachSGD(ClassSGD):
    """All parameters in one call of each kernel."""

    def __init__(self, parameters: Iterable[torch.Tensor], lr: float, momentum: float) -> None:
        super().__init__(parameters, lr, momentum, foreach=True)


class FusedSGD(ClassSGD):
    """The whole update in one kernel; torch has it since 2.3, and not for every device."""

    def __init__(self, parameters: Iterable[torch.Tensor], lr: float, momentum: float) -> None:
        super().__init__(parameters, lr, momentum, fused=True)


OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "eager": ClassSGD,
    "functional": FunctionalSGD,
    "foreach": ForeachSGD,
    "fused": FusedSGD,
    "compile": ClassSGD,
    "cuda-graph": FunctionalSGD,
}


def why_lacking(variant: str) -> str | None:
    """Why this torch has no such update: foreach and fused came as arguments of the class."""
    if variant not in ("foreach", "fused") or variant in inspect.signature(torch.optim.SGD).parameters:
        return None
    return f"the SGD of torch {torch.__version__} has no {variant} update"
