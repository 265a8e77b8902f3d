#!/usr/bin/env python3
"""Trains nano's byte-level BPE tokenizer on the corpus that pairs.py wrote.

    python3 assets/nano/training/tokenizer.py OUT/corpus.txt assets/nano/training/start

Needs the Python package `tokenizers`. Cutting into words is Qwen2's, so that the decoder's family
is met in full.
"""

import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
VOCABULARY = 1536


def main(corpus, folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    end = AddedToken("<|endoftext|>", special=True, normalized=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 2,
        special_tokens=[end],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train([corpus], trainer)
    # the marks of the conversation are one id each, and text like any other
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in ("<|user|>", "<|assistant|>")])
    tokenizer.save(f"{folder}/tokenizer.json")
    print(tokenizer.get_vocab_size(), "tokens, end is", tokenizer.token_to_id("<|endoftext|>"))
    print(tokenizer.encode("<|user|>\nWhat modality is this?\n<|assistant|>\n").tokens)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
