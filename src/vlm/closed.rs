//! How likely a yes and a no were as the first word of an answer.

use crate::text::Tokenizer;
use crate::vlm::YesNo;
use crate::vlm::sampling::LogProbs;

const YES: &[&str] = &["Yes", " Yes", "yes", " yes", "YES", "是"];
const NO: &[&str] = &["No", " No", "no", " no", "NO", "否", "不是"];

/// From the scores before the first word; `None` where one of the two is no word of the vocabulary.
pub(crate) fn yes_no(tokenizer: &Tokenizer, probs: &LogProbs<'_>) -> Option<YesNo> {
    let of = |words: &[&str]| {
        let ids = ids_of(tokenizer, words);
        let sum = ids.iter().map(|id| f64::from(probs.get(*id)).exp()).sum::<f64>() as f32;
        (!ids.is_empty()).then_some(sum)
    };
    let found = YesNo { yes: of(YES)?, no: of(NO)? };
    (found.yes + found.no > 0.0).then_some(found)
}

/// Of words that are one id each; none twice.
fn ids_of(tokenizer: &Tokenizer, words: &[&str]) -> Vec<u32> {
    let mut ids = Vec::new();
    for word in words {
        if let Ok([id]) = tokenizer.encode(word, false).as_deref()
            && !ids.contains(id)
        {
            ids.push(*id);
        }
    }
    ids
}
