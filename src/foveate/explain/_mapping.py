"""Make the maps of one batch of images, by any method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from foveate.explain._noise import noisy
from foveate.explain._scorecam import channel_weights
from foveate.explain._watching import Watching, watching
from foveate.explain.answers import Answers, answers_of
from foveate.explain.cams import eigencam, first_component, summed, weighted
from foveate.explain.layers import Watched
from foveate.pictures.target import Target

__all__ = ["Choose", "Look", "Maps", "Round"]

Round = tuple[Target, ...]
"""What the maps are for, one target an image."""

Choose = Callable[[Answers], Sequence[Round]]
"""Says, of what a network answers, what maps are to be for."""

Maps = list[Tensor]
"""Of each layer, ``(N, h, w)``, none below 0."""

NO_CLASS = Target(
    category=None,
    score=None,
    box=None,
    name="no class",
    value=lambda _: torch.zeros(()),
)
"""What a map of Eigen-CAM is for."""


@dataclass(frozen=True)
class Look:
    """A network, where it is looked at, and how.

    Attributes:
        network: The network itself, without wrappers.
        method: The name of the method.
        watched: The layers; none for ``saliency``.
        batch_size: How many masked images the network gets at once.
        eigen_smooth: Whether to take the first component of weighted activations.
        noisy_copies: How many noisy copies ``saliency`` is averaged over.
    """

    network: nn.Module
    method: str
    watched: Watched
    batch_size: int
    eigen_smooth: bool = False
    noisy_copies: int = 0

    def maps(self, x: Tensor, choose: Choose) -> tuple[Sequence[Round], list[Maps]]:
        """Return what the maps are for, and the maps, round by round."""
        of_input = self.method == "saliency"
        paths, modules = self.watched.paths, self.watched.modules
        knows_gradients = self.method not in {"eigencam", "scorecam"}
        with watching(
            self.network,
            {} if of_input else dict(zip(paths, modules, strict=True)),
            self.watched.transform,
            with_gradients=knows_gradients,
        ) as seen:
            output = seen.run(x)
            if self.method == "eigencam":
                return [(NO_CLASS,) * len(x)], [[*map(eigencam, seen.activations)]]
            answers = self._answers(output, x)
            rounds = choose(answers)
            if self.method == "scorecam":
                return rounds, self._by_scores(seen, x, rounds)
            if of_input:
                return rounds, self._of_the_input(seen, x, rounds, answers)
            return rounds, [self._by_gradients(seen, answers, each) for each in rounds]

    def _answers(self, output: Any, x: Tensor) -> Answers:
        height, width = x.shape[-2:]
        return answers_of(self.network, output, images=len(x), size=(height, width))

    def _by_gradients(self, seen: Watching, answers: Answers, targets: Round) -> Maps:
        slopes = seen.gradients(_total(targets, answers))
        return [
            self._together(weighted(self.method, activations, gradients))
            for activations, gradients in zip(seen.activations, slopes, strict=True)
        ]

    def _by_scores(
        self, seen: Watching, x: Tensor, rounds: Sequence[Round]
    ) -> list[Maps]:
        found: list[Maps] = [[] for _ in rounds]
        for activations in seen.activations:
            of_images = [
                self._by_masks(seen, image, features, targets)
                for image, features, *targets in zip(
                    x, activations, *rounds, strict=True
                )
            ]
            for maps, layer in zip(found, zip(*of_images, strict=True), strict=True):
                maps.append(torch.stack(layer))
        return found

    def _by_masks(
        self, seen: Watching, image: Tensor, features: Tensor, targets: Sequence[Target]
    ) -> Tensor:
        """Return the maps of one image and layer, ``(T, h, w)``."""

        def scores_of(masked: Tensor) -> Tensor:
            answers = self._answers(seen.run(masked, keep=False), masked)
            scores = [[_number(t, each) for t in targets] for each in answers.each]
            return torch.tensor(scores, dtype=torch.float64, device=features.device)

        weights = channel_weights(
            image,
            features,
            scores_of,
            targets=len(targets),
            batch_size=self.batch_size,
        )
        return self._together(weights[:, :, None, None] * features)

    def _of_the_input(
        self, seen: Watching, x: Tensor, rounds: Sequence[Round], answers: Answers
    ) -> list[Maps]:
        copies = self.noisy_copies
        if not copies:
            slopes = [seen.gradients(_total(each, answers))[0] for each in rounds]
        else:
            slopes = [torch.zeros(x.shape, device=x.device) for _ in rounds]
        for copy in noisy(x, copies):
            answers = self._answers(seen.run(copy), x)
            for each, mean in zip(rounds, slopes, strict=True):
                mean.add_(seen.gradients(_total(each, answers))[0], alpha=1 / copies)
        return [[slope.abs().amax(dim=1)] for slope in slopes]

    def _together(self, features: Tensor) -> Tensor:
        return first_component(features) if self.eigen_smooth else summed(features)


def _total(targets: Round, answers: Answers) -> Tensor:
    pairs = zip(targets, answers.each, strict=True)
    return torch.stack([_number(target, answer) for target, answer in pairs]).sum()


def _number(target: Target, answer: Any) -> Tensor:
    value: Tensor = target.value(answer)
    return value.sum().to(torch.promote_types(value.dtype, torch.float32))
