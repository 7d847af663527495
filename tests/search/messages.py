"""Texts that a program has in memory: spam that any network learns, and ham."""

import random

WORDS = ("hello", "see", "you", "at", "noon", "tomorrow", "meeting", "lunch", "ok", "the", "train")
OFFERS = ("free win cash", "claim prize now")


def messages(count: int) -> tuple[list[str], list[str]]:
    """Make so many texts and their labels, "ham" and "spam"."""
    draw = random.Random(0)
    texts, labels = [], []
    for number in range(count):
        words = draw.choices(WORDS, k=5)
        is_spam = number % 3 == 0
        if is_spam:
            words.insert(draw.randrange(5), draw.choice(OFFERS))
        texts.append(" ".join(words))
        labels.append("spam" if is_spam else "ham")
    return texts, labels
