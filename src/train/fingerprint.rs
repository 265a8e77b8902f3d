//! What a saved state belongs to.

use sha2::{Digest as _, Sha256};

use crate::train::{Arithmetic, Record, TrainConfig};

/// Of everything that decides what is learnt; where the results go does not.
pub(super) fn fingerprint(config: &TrainConfig, records: &[Record]) -> String {
    let TrainConfig { model, data: _, augment, output: _, stages, seed, arithmetic, loss_scale } =
        config;
    let mut hash = Sha256::new();
    hash.update(as_before(&format!("{model:?}{augment:?}{stages:?}{seed}")));
    // states that were saved before there were these keys are gone on from
    if *arithmetic != Arithmetic::F32 {
        hash.update(format!("{arithmetic:?}{loss_scale:?}"));
    }
    for record in records {
        hash.update(as_before(&format!("{record:?}")));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Without what says that a later key is absent: states that were saved before there was such a
/// key are gone on from.
fn as_before(text: &str) -> String {
    let absent = [
        ", hlora: HLoraSections { comprehension: None, generation: None }",
        ", task: Comprehension",
        ", projector_learning_rate: None",
        ", target: None",
    ];
    absent.iter().fold(text.to_owned(), |text, absent| text.replace(absent, ""))
}
