//! Contractions whose apostrophes were left out.

/// The form with its apostrophes. Words with a capital in the published table never occur in
/// lower-cased text and are left out here; "somebody'd" loses its apostrophe there, too.
pub(super) fn contraction(word: &str) -> Option<&'static str> {
    if word == "somebody'd" {
        return Some("somebodyd");
    }
    FORMS.iter().copied().find(|form| lacks_one_apostrophe(form, word))
}

/// Forms with one apostrophe are matched without it, forms with more without exactly one.
fn lacks_one_apostrophe(form: &str, word: &str) -> bool {
    let marks = form.match_indices('\'');
    form.len() == word.len() + 1
        && marks.into_iter().any(|(at, mark)| {
            let rest = form.get(at + mark.len()..);
            form.get(..at).zip(rest).is_some_and(|(start, end)| {
                word.strip_prefix(start).is_some_and(|word| word == end)
            })
        })
}

const FORMS: [&str; 92] = [
    "ain't",
    "aren't",
    "can't",
    "could've",
    "couldn't",
    "couldn't've",
    "didn't",
    "doesn't",
    "don't",
    "hadn't",
    "hadn't've",
    "hasn't",
    "haven't",
    "he'd",
    "he'd've",
    "he's",
    "how'd",
    "how'll",
    "how's",
    "isn't",
    "it'd",
    "it'd've",
    "it'll",
    "ma'am",
    "might've",
    "mightn't",
    "mightn't've",
    "must've",
    "mustn't",
    "needn't",
    "not've",
    "o'clock",
    "oughtn't",
    "'ow's'at",
    "shan't",
    "she'd've",
    "should've",
    "shouldn't",
    "shouldn't've",
    "somebody'd've",
    "somebody'll",
    "somebody's",
    "someone'd",
    "someone'd've",
    "someone'll",
    "someone's",
    "something'd",
    "something'd've",
    "something'll",
    "that's",
    "there'd",
    "there'd've",
    "there're",
    "there's",
    "they'd",
    "they'd've",
    "they'll",
    "they're",
    "they've",
    "'twas",
    "wasn't",
    "we'd've",
    "we've",
    "weren't",
    "what'll",
    "what're",
    "what's",
    "what've",
    "when's",
    "where'd",
    "where's",
    "where've",
    "who'd",
    "who'd've",
    "who'll",
    "who's",
    "who've",
    "why'll",
    "why're",
    "why's",
    "won't",
    "would've",
    "wouldn't",
    "wouldn't've",
    "y'all",
    "y'all'd've",
    "y'all'll",
    "you'd",
    "you'd've",
    "you'll",
    "you're",
    "you've",
];
