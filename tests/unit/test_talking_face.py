"""Training and evaluation of a talking-face generator."""

import pytest
import torch

from ganprune_utils.data.clips import load, reference, windows
from ganprune_utils.errors import ParameterError
from ganprune_utils.evaluation.talking_face import TalkingFaceEvaluator, controls, every_frame, reference_of, talk
from ganprune_utils.models.checkpoints import build
from ganprune_utils.models.landmarks import MouthLandmarks
from ganprune_utils.models.sync import SyncJudge, SyncNet
from ganprune_utils.models.wav2lip import VisualDiscriminator, Wav2Lip
from ganprune_utils.training import talking_face


@pytest.fixture(scope="module")
def clips():
    return load("train", "drawn")


def test_a_batch_hides_the_lower_half_and_training_goes_on_with_the_same_bits(clips, tmp_path):
    random = torch.Generator().manual_seed(0)
    window = windows(clips, margin=2)[:3]
    mel, faces, wanted = talking_face.batch(clips, window, reference(clips, window, random))
    assert mel.shape == (15, 1, 80, 16) and faces.shape == (15, 6, 96, 96)
    assert not faces[:, :3, 48:].any() and torch.equal(faces[:, :3, :48], wanted[:, :, :48])
    assert torch.equal(faces[0, 3:], faces[4, 3:])  # one reference for the window

    plan = {"steps": 3, "batch_size": 2, "face": 1, "audio": 2, "decoder": 2}
    given = clips, SyncNet((4, 8), 8), "expert"
    *_, whole = talking_face.train(talking_face.Settings(2, **plan), *given, tmp_path / "whole")
    for run in talking_face.train(talking_face.Settings(2, **plan), *given, tmp_path / "parts"):
        if len(run.history) == 1:
            break
    *_, parts = talking_face.train(talking_face.Settings(2, **plan), *given, tmp_path / "parts")
    assert whole.history[1]["l1"] < whole.history[0]["l1"] and not whole.history[0]["loss_discriminator"]
    for one, other in zip(whole.generator.parameters(), parts.generator.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("term", ["lambda_sync", "lambda_adversarial"])
def test_each_judge_matters_where_its_term_has_a_weight(clips, term, monkeypatch):
    torch.manual_seed(0)
    start, experts = Wav2Lip(1, 2, 2), [SyncNet((4, 8), 8) for _ in range(2)]
    for weight in (0.0, 0.5):
        settings = talking_face.Settings(1, batch_size=2, **{"lambda_sync": 0.0, term: weight})
        found = []
        for number, expert in enumerate(experts if term == "lambda_sync" else experts[:1] * 2):
            widths = (8, 8, 8, 8 + 8 * number * (term != "lambda_sync"))  # another discriminator
            monkeypatch.setattr(talking_face, "VisualDiscriminator", lambda widths=widths: VisualDiscriminator(widths))
            found.append(talking_face.finetune(settings, start, clips, expert, 2).output[1].weight)
        assert torch.equal(*found) == (not weight) and not torch.equal(found[0], start.output[1].weight)
    assert all(parameter.requires_grad for parameter in experts[0].parameters())
    with pytest.raises(ParameterError, match="steps = 0"):
        talking_face.finetune(settings, start, clips, experts[0], 0)


def test_real_video_is_best_and_the_controls_are_what_they_say(clips):
    torch.manual_seed(0)
    generator, judge, landmarks = Wav2Lip(1, 2, 2).eval(), SyncJudge((4, 8, 8, 8), 8), MouthLandmarks((4, 8))
    evaluator = TalkingFaceEvaluator(clips, judge, landmarks, 2)
    frames = controls(generator, evaluator.clips)
    scores = {name: evaluator.scores(shown) for name, shown in frames.items()}
    assert scores["real video"]["l1"] == 0 and scores["real video"]["ssim"] == 1
    assert min(row["l1"] for name, row in scores.items() if name != "real video") > 0
    assert (evaluator(frames["reference frame"]).opening_correlation.abs() < 0.7).all()  # two stills, no speech
    made = talk(generator, evaluator.clips)
    assert made.shape == evaluator.clips.frames.shape
    assert not torch.equal(made, frames["silence"]) and not torch.equal(made, frames["sound shifted by 8 frames"])
    clip, frame = every_frame(evaluator.clips)
    starts = evaluator.clips.frame_starts
    assert torch.equal(reference_of(evaluator.clips, clip, frame)[0], evaluator.clips.frames[starts[1] - 1])
    with pytest.raises(ParameterError, match=f"n_test = {len(clips)}"):
        TalkingFaceEvaluator(clips, judge, landmarks, len(clips))


def test_the_judge_is_another_network_and_positive_embeddings_make_probabilities():
    faces, mel = torch.rand(3, 15, 48, 96), torch.randn(3, 1, 80, 16)
    for network in (SyncNet((4, 8), 8, positive=True).eval(), SyncJudge((4, 8, 8, 8), 8, positive=True).eval()):
        seen, heard = network.see(faces), network.hear(mel)
        assert seen.shape == heard.shape == (3, 8) and min(seen.min(), heard.min()) >= 0
        assert torch.allclose(seen.norm(dim=1), torch.ones(3))
        again = build(network.config)
        again.load_state_dict(network.state_dict())
        assert torch.equal(again.eval().see(faces), seen)
