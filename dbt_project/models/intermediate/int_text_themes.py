"""Theme and severity of every text, one row per text and theme.

A model in Python, because scikit-learn weighs words better than rules in SQL would, and inside dbt,
so that texts stay in the night's one flow and go to no service. It reads texts and nothing else of
the items: the same text and the same examples give the same rows, and all that is counted is
counted in SQL. 3,000 different texts take six seconds of one core.

The gold texts go through like any other. They are no examples: research.theme_quality compares.
"""

import hashlib
import re

import pyarrow as pa

# Below it a sentence has no theme. With thirteen about equal classes a guess has 0.08.
LEAST_CONFIDENCE = 0.3
# The same for severity, with five classes and a guess of 0.2; below it a sentence states no need.
LEAST_SEVERITY_CONFIDENCE = 0.4
# Little regularisation: a dozen examples a theme, each a few words, leave little to overfit.
INVERSE_REGULARISATION = 30.0
NONE = "unclassified"
# From least to most; `praise` and `none` are no needs.
SEVERITIES = ("none", "praise", "wish", "painful", "blocking")
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
SCHEMA = pa.schema(
    {
        "text": pa.string(),
        "theme": pa.string(),
        "weight": pa.float64(),
        "confidence": pa.float64(),
        "severity": pa.string(),
        "method_version": pa.string(),
    }
)


def model(dbt, session):
    dbt.config(materialized="table")
    # dbt finds a reference only where it is the beginning of a statement of its own.
    items = dbt.ref("int_feedback_items").df()
    gold = dbt.ref("theme_gold").df()
    examples = dbt.ref("theme_examples").df().sort_values(["theme", "text"])
    texts = sorted({*items["text"], *gold["text"]})
    columns = [list(examples[name]) for name in ("theme", "severity", "text")]
    return pa.Table.from_pylist(labelled(texts, *columns), SCHEMA)


def labelled(texts, themes, severities, examples):
    """Return a row per text and theme. Each sentence has one theme or none."""
    version = method_version(themes, severities, examples)
    parts = {text: [part for part in SENTENCE.split(text) if part] for text in texts}
    sentences = sorted({part for found in parts.values() for part in found})
    theme_of = classified(sentences, examples, themes)
    severity_of = classified(sentences, examples, severities)
    rows = []
    for text, found in parts.items():
        sure = [theme_of[part] for part in found if theme_of[part][1] >= LEAST_CONFIDENCE]
        named = [each for each in sure if each[0] != NONE]
        graded = [
            severity if confidence >= LEAST_SEVERITY_CONFIDENCE else SEVERITIES[0]
            for severity, confidence in map(severity_of.get, found)
        ]
        severity = max(graded, key=SEVERITIES.index)
        # What is said beside a theme, such as a greeting, is no theme of its own.
        for theme in sorted({name for name, _ in named}) or [NONE]:
            own = [confidence for name, confidence in named if name == theme]
            rows.append(
                {
                    "text": text,
                    "theme": theme,
                    "weight": len(own) / len(named) if named else 1.0,
                    "confidence": max(own, default=None),
                    "severity": severity,
                    "method_version": version,
                }
            )
    return rows


def classified(sentences, examples, labels):
    """Return (label, probability) by sentence, by words and parts of words of the examples."""
    # Imported here: dbt reads this file each time it parses, and needs none of it then.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    if not sentences or len(set(labels)) < 2:
        return dict.fromkeys(sentences, (NONE if NONE in labels else "none", 0.0))
    learner = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            # Parts of words find `templated` by `template`, and forgive a slip of the key.
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
        ),
        LogisticRegression(C=INVERSE_REGULARISATION, class_weight="balanced", max_iter=2_000),
    ).fit(examples, labels)
    shares = learner.predict_proba(sentences)
    best = shares.argmax(axis=1)
    return {
        sentence: (str(learner.classes_[at]), round(float(share[at]), 4))
        for sentence, share, at in zip(sentences, shares, best, strict=True)
    }


def method_version(*columns):
    """Name the method and the examples, so that a figure says which of them it is of."""
    digest = hashlib.sha256(repr(columns).encode()).hexdigest()
    return f"tfidf-logistic-1 {digest[:8]}"
